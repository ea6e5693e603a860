"""Percentiles, targets and rows."""

from app.simulator.load.figures import Row, Target, percentile, spread, spread_of_buckets


def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.0, 0.5, 0.95, 0.99, 1.0)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7.0


def test_a_spread_does_not_need_its_values_in_order() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "p99": 3.0, "max": 3.0}


def test_a_spread_of_nothing_is_nothing() -> None:
    assert spread([]) == {}


def test_a_row_is_met_when_every_target_is() -> None:
    targets = (Target("p50", 2), Target("p95", 3))
    assert Row.of("k", "n", "d", 1, [1.0, 2.0, 3.0], *targets).met is True
    assert Row.of("k", "n", "d", 1, [1.0, 2.0, 3.1], *targets).met is False


def test_a_row_without_figures_or_targets_is_neither_met_nor_missed() -> None:
    assert Row.of("k", "n", "d", 1, [], Target("p50", 2)).met is None
    assert Row.of("k", "n", "d", 1, [1.0]).met is None


def test_a_row_says_in_json_all_that_the_table_says_and_leaves_the_samples_out() -> None:
    row = Row.of("turn", "Turn", "from here to there", 40, [1.0, 2.0], Target("p50", 2), note="odd")
    assert row.document("offhook bench --only turn") == {
        "key": "turn",
        "name": "Turn",
        "definition": "from here to there",
        "unit": "ms",
        "calls": 40,
        "samples": 2,
        "figures": {"p50": 1.0, "p95": 2.0, "p99": 2.0, "max": 2.0},
        "targets": ["p50 <= 2"],
        "met": True,
        "note": "odd",
        "command": "offhook bench --only turn",
    }


def test_a_spread_of_buckets_names_bounds_that_are_not_exceeded() -> None:
    buckets = {10.0: 50, 20.0: 96, 50.0: 99, 100.0: 100, 250.0: 100}
    assert spread_of_buckets(buckets) == {"p50": 10.0, "p95": 20.0, "p99": 50.0, "max": 100.0}
    assert spread_of_buckets({10.0: 0}) == {}
