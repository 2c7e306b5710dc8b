"""How laws are collected and told by pytest; how a subclass may, and may not, depart from them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tradewind.testing import Contract, ContractError, LawBroken, ProviderContract, needs, require
from tradewind.testing.laws import Verdict, try_laws


class Even(Contract, contract=True):
    """Numbers that are even."""

    number = 2
    small = False

    def test_it_is_even(self):
        """It can be divided by two."""
        require(self.number % 2 == 0, f"{self.number} is odd; add one.")

    @needs("small")
    def test_it_is_small(self):
        """It has one digit."""
        require(self.number < 10, f"{self.number} is large.")

    @needs("not small")
    def test_it_is_large(self):
        require(self.number >= 10, f"{self.number} is small.")


def verdicts(**attributes):
    return list(try_laws(type("Number", (Even,), attributes)))


def test_laws_are_tried_without_pytest():
    assert verdicts(number=7, small=True) == [
        Verdict("It can be divided by two", False, "7 is odd; add one."),
        Verdict("It has one digit", True),
    ]
    assert verdicts(number=12) == [Verdict("It can be divided by two", True), Verdict("test_it_is_large", True)]


def test_whatever_a_provider_raises_is_a_broken_law():
    class Raising(Contract, contract=True):
        def test_exit(self):
            raise SystemExit(3)

        def test_error(self):
            raise KeyError("x")

    told = [verdict.told for verdict in try_laws(type("Case", (Raising,), {}))]
    assert told == ["SystemExit: 3", "KeyError: 'x'"]


def test_laws_that_are_not_claimed_are_not_there():
    Small = type("Small", (Even,), {"small": True})
    assert Small.test_it_is_large is None
    Large = type("Large", (Small,), {"small": False})
    assert Large.test_it_is_small is None
    Large().__class__.test_it_is_large(type("Ten", (Even,), {"number": 10})())


@pytest.mark.parametrize("otherwise", [lambda self: None, None, pytest.mark.xfail(lambda self: None)])
def test_a_law_cannot_be_changed_silently(otherwise):
    with pytest.raises(ContractError, match=r"Case redefines the law test_it_is_even.*xfail\(reason=\.\.\.\)"):
        type("Case", (Even,), {"test_it_is_even": otherwise})


def test_nor_by_a_class_beside_it():
    class Beside:
        def test_it_is_even(self): ...

    with pytest.raises(ContractError, match="redefines"):
        type("Case", (Beside, Even), {})


def test_nor_by_another_contract():
    with pytest.raises(ContractError, match="redefines"):

        class Odd(Even, contract=True):
            def test_it_is_even(self): ...


def test_it_may_be_expected_to_fail_and_laws_may_be_added():
    class Case(Even):
        @pytest.mark.xfail(reason="it is odd")
        def test_it_is_even(self):
            super().test_it_is_even()

        def test_more(self): ...

    assert Case.__test__ is True
    assert "test_more" not in Case.laws()


def test_contracts_can_be_put_together():
    class Positive(Contract, contract=True):
        def test_it_is_positive(self):
            require(self.number > 0, "It is negative.")

    both = type("Both", (Even, Positive), {"small": True})
    assert set(both.laws()) == set(Even.laws()) | {"test_it_is_positive"}


def test_a_broken_law_is_an_assertion_that_failed():
    with pytest.raises(AssertionError, match="why"):
        require([], "why")
    assert issubclass(LawBroken, AssertionError)
    assert ProviderContract.__test__ is False


SESSION = """
import pytest
from tradewind.testing import Contract, ExecutorContract, HookContract, OperatorContract, ProviderContract
from tradewind.testing import SandboxContract, SecretsContract
from tradewind.operators import BashOperator

class TestNothing(ProviderContract):
    name = "nothing"

    @pytest.mark.xfail(reason="there is none")
    def test_it_loads(self):
        super().test_it_loads()

class TestBash(OperatorContract):
    operator = BashOperator
    arguments = {"bash_command": "date"}

    def test_a_law_of_its_own(self):
        assert self.operator is BashOperator
"""


def test_a_session_of_pytest(tmp_path):
    """Contracts that a test module imports are not collected, whatever the names of test classes are there."""
    (tmp_path / "test_it.py").write_text(SESSION)
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_classes = *Contract Test*\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-rx", "-p", "no:cacheprovider", "-W", "error", "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    ran = {line.split()[0].split("::")[1] for line in lines if line.startswith("test_it.py::")}
    assert ran == {"TestNothing", "TestBash"}
    assert "test_it.py::TestBash::test_a_law_of_its_own PASSED" in done.stdout
    assert "test_a_clear_stops_its_work" not in done.stdout
    assert "TestNothing::test_it_loads - there is none" in done.stdout
    assert 'LawBroken: No installed package has it: write [project.entry-points.tradewind] nothing = "' in done.stdout
    assert "skipped" not in lines[-1]
    assert done.returncode == 1
