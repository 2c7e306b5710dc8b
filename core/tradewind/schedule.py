"""Pure schedules. PLACEHOLDER until the schedule helper lands (same names)."""

from __future__ import annotations

import msgspec


class ScheduleBase(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True):
    pass


class Never(ScheduleBase, frozen=True, tag="never"):
    pass


Schedule = Never
