"""Every keyword of operators, sensors and DAGs, and the test in this folder that shows what it does.

A keyword that is in neither table fails here: whoever adds one adds the test of its behaviour too.
"""

import ast
from pathlib import Path

import pytest

from tradewind.dag.arguments import WITHOUT_EFFECT as WITHOUT_EFFECT_IN_DAGS
from tradewind.dag.arguments import DagArguments
from tradewind.operator import BaseSensor
from tradewind.operator.arguments import WITHOUT_EFFECT, OperatorArguments, own_parameters

HERE = Path(__file__).parent

OPERATOR = {
    "task_id": "test_task_id_dag_and_task_group_place_a_task",
    "dag": "test_task_id_dag_and_task_group_place_a_task",
    "task_group": "test_task_id_dag_and_task_group_place_a_task",
    "default_args": "test_default_args_of_dag_group_and_task_fill_what_is_not_given",
    "owner": "test_owner_and_task_display_name_are_in_the_spec",
    "task_display_name": "test_owner_and_task_display_name_are_in_the_spec",
    "doc": "test_docs_are_in_the_spec",
    "doc_md": "test_docs_are_in_the_spec",
    "doc_json": "test_docs_are_in_the_spec",
    "doc_yaml": "test_docs_are_in_the_spec",
    "doc_rst": "test_docs_are_in_the_spec",
    "retries": "test_retries_are_so_many_tries_more",
    "retry_delay": "test_retry_delay_is_waited_for",
    "retry_exponential_backoff": "test_retry_delays_grow_by_the_factor_up_to_the_longest",
    "max_retry_delay": "test_retry_delays_grow_by_the_factor_up_to_the_longest",
    "retry_policy": "test_retry_policy_may_end_the_tries",
    "start_date": "test_start_date_and_end_date_leave_a_task_out",
    "end_date": "test_start_date_and_end_date_leave_a_task_out",
    "execution_timeout": "test_execution_timeout_ends_the_task",
    "depends_on_past": "test_depends_on_past_waits_for_the_same_task_of_the_run_before",
    "ignore_first_depends_on_past": "test_ignore_first_depends_on_past_is_about_the_first_run",
    "wait_for_downstream": "test_wait_for_downstream_waits_for_what_follows_it_in_the_run_before",
    "wait_for_past_depends_before_skipping": "test_wait_for_past_depends_before_skipping",
    "priority_weight": "test_priority_weight_says_who_goes_first",
    "weight_rule": "test_weight_rule_sums_the_weights",
    "trigger_rule": "test_trigger_rule_by_how_the_tasks_before_ended",
    "pool": "test_pool_and_pool_slots",
    "pool_slots": "test_pool_and_pool_slots",
    "max_active_tis_per_dag": "test_max_active_tis_per_dag_counts_all_runs",
    "max_active_tis_per_dagrun": "test_max_active_tis_per_dagrun_counts_one_run",
    "task_concurrency": "test_old_names_warn_and_work",
    "queue": "test_queue_executor_and_its_config_are_handed_on",
    "executor": "test_queue_executor_and_its_config_are_handed_on",
    "executor_config": "test_queue_executor_and_its_config_are_handed_on",
    "resources": "test_what_has_no_effect_says_so_once_for_a_dag",
    "run_as_user": "test_what_has_no_effect_says_so_once_for_a_dag",
    "on_execute_callback": "test_each_callback_hears_of_its_own_end",
    "on_success_callback": "test_each_callback_hears_of_its_own_end",
    "on_failure_callback": "test_each_callback_hears_of_its_own_end",
    "on_retry_callback": "test_on_retry_callback_hears_of_tries_that_are_not_the_last",
    "on_skipped_callback": "test_each_callback_hears_of_its_own_end",
    "pre_execute": "test_pre_execute_and_post_execute_are_called_around_it",
    "post_execute": "test_pre_execute_and_post_execute_are_called_around_it",
    "email": "test_email_is_sent_on_retry_and_on_failure",
    "email_on_retry": "test_email_is_sent_on_retry_and_on_failure",
    "email_on_failure": "test_email_is_sent_on_retry_and_on_failure",
    "sla": "test_sla_says_that_it_has_no_effect",
    "params": "test_params_of_the_task_win",
    "do_xcom_push": "test_do_xcom_push_false_keeps_the_result",
    "multiple_outputs": "test_multiple_outputs_are_pushed_key_by_key",
    "inlets": "test_inlets_outlets_and_map_index_template_are_in_the_context",
    "outlets": "test_inlets_outlets_and_map_index_template_are_in_the_context",
    "map_index_template": "test_inlets_outlets_and_map_index_template_are_in_the_context",
    "render_template_as_native_obj": "test_render_template_as_native_obj_of_a_task_wins_over_the_dag",
    "template_fields": "test_template_fields_given_to_one_task_replace_those_of_its_class",
    "template_ext": "test_template_ext_names_the_files_that_are_templates",
    "template_fields_renderers": "test_template_fields_given_to_one_task_replace_those_of_its_class",
    "logger_name": "test_logger_name_names_the_log",
    "allow_nested_operators": "test_allow_nested_operators_false_refuses",
    "start_from_trigger": "test_what_has_no_effect_says_so_once_for_a_dag",
    "start_trigger_args": "test_start_trigger_args_are_kept_for_when_tasks_can_wait_without_a_process",
    "ui_color": "test_looks_are_kept_for_who_draws_them",
    "ui_fgcolor": "test_looks_are_kept_for_who_draws_them",
    "operator_extra_links": "test_looks_are_kept_for_who_draws_them",
    "provide_context": "test_old_names_warn_and_work",
}

SENSOR = {
    "poke_interval": "test_poke_interval_lies_between_two_looks",
    "timeout": "test_timeout_fails_at_once_whatever_retries_are_left",
    "mode": "test_mode_reschedule_gives_the_place_back_and_looks_again",
    "soft_fail": "test_soft_fail_skips_at_the_timeout",
    "exponential_backoff": "test_exponential_backoff_and_max_wait",
    "max_wait": "test_exponential_backoff_and_max_wait",
    "silent_fail": "test_silent_fail_goes_on_after_an_error",
    "never_fail": "test_never_fail_skips_whatever_goes_wrong",
}

DAG = {
    "dag_id": "test_task_id_dag_and_task_group_place_a_task",
    "description": "test_what_people_read_is_in_the_spec",
    "schedule": "test_schedule_start_date_end_date_and_catchup_make_the_runs",
    "schedule_interval": "test_older_names_of_schedule",
    "timetable": "test_older_names_of_schedule",
    "start_date": "test_schedule_start_date_end_date_and_catchup_make_the_runs",
    "end_date": "test_schedule_start_date_end_date_and_catchup_make_the_runs",
    "catchup": "test_without_catchup_only_the_latest_interval_is_run",
    "default_args": "test_default_args_reach_every_task",
    "params": "test_params_are_checked_against_their_schema",
    "max_active_tasks": "test_max_active_tasks_is_per_run",
    "concurrency": "test_max_active_tasks_is_per_run",
    "max_active_runs": "test_max_active_runs_queues_the_others",
    "max_consecutive_failed_dag_runs": "test_max_consecutive_failed_dag_runs_pauses_the_dag",
    "dagrun_timeout": "test_dagrun_timeout_ends_the_run",
    "deadline": "test_what_has_no_effect_says_so",
    "fail_fast": "test_fail_fast_ends_the_other_tasks",
    "fail_stop": "test_fail_fast_ends_the_other_tasks",
    "is_paused_upon_creation": "test_is_paused_upon_creation",
    "allowed_run_types": "test_allowed_run_types_refuses_a_trigger",
    "on_success_callback": "test_on_success_callback_and_on_failure_callback_of_the_dag",
    "on_failure_callback": "test_on_success_callback_and_on_failure_callback_of_the_dag",
    "sla_miss_callback": "test_what_has_no_effect_says_so",
    "template_searchpath": "test_template_searchpath_is_where_files_are_looked_for",
    "template_undefined": "test_template_undefined_says_what_a_missing_name_is",
    "user_defined_macros": "test_user_defined_macros_and_filters",
    "user_defined_filters": "test_user_defined_macros_and_filters",
    "jinja_environment_kwargs": "test_jinja_environment_kwargs_reach_jinja",
    "render_template_as_native_obj": "test_render_template_as_native_obj_of_a_task_wins_over_the_dag",
    "tags": "test_what_people_read_is_in_the_spec",
    "owner_links": "test_what_people_read_is_in_the_spec",
    "dag_display_name": "test_what_people_read_is_in_the_spec",
    "doc_md": "test_what_people_read_is_in_the_spec",
    "access_control": "test_what_has_no_effect_says_so",
    "auto_register": "test_auto_register_false_leaves_a_dag_to_be_named",
    "rerun_with_latest_version": "test_rerun_with_latest_version_says_which_version_a_cleared_run_gets",
    "disable_bundle_versioning": "test_what_has_no_effect_says_so",
    "default_view": "test_words_about_old_screens_are_taken_in_silence",
    "orientation": "test_words_about_old_screens_are_taken_in_silence",
    "full_filepath": "test_words_about_old_screens_are_taken_in_silence",
}


def test_every_keyword_of_operators_is_in_the_table():
    assert set(OPERATOR) == set(OperatorArguments.__annotations__)


def test_every_keyword_of_sensors_is_in_the_table():
    assert set(SENSOR) == set(own_parameters(BaseSensor.__init__)[0])


def test_every_keyword_of_dags_is_in_the_table():
    assert set(DAG) == {"dag_id", "description", "schedule", *DagArguments.__annotations__}


@pytest.mark.parametrize(
    ("name", "test"), sorted({*OPERATOR.items(), *SENSOR.items(), *DAG.items()}), ids=lambda value: value
)
def test_the_named_test_is_there_and_is_about_the_keyword(name, test):
    for path in HERE.glob("test_honoured_*.py"):
        source = path.read_text(encoding="utf-8")
        if any(isinstance(node, ast.FunctionDef) and node.name == test for node in ast.parse(source).body):
            assert name in source
            return
    pytest.fail(f"no file here has {test}")


def test_docs_list_what_has_no_effect():
    text = (HERE.parents[2] / "docs" / "concepts.md").read_text(encoding="utf-8")
    listed = text.partition("## Accepted and without effect yet")[2].partition("\n## ")[0]
    wanted = [*WITHOUT_EFFECT, *WITHOUT_EFFECT_IN_DAGS, "sla", "executor", "queue", "executor_config"]
    assert [name for name in wanted if f"`{name}`" not in listed] == []
