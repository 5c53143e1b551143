"""The verdicts of the benchmarks, which themselves are run by `make bench`."""

from benchmarks.figures import Figure


def test_a_figure_holds_up_to_its_limit_and_is_only_told_without_one() -> None:
    def figure(ours_ms: float, limit: float | None) -> Figure:
        return Figure(name="read", baseline_ms=2.0, ours_ms=ours_ms, limit=limit)

    assert [figure(ours, 1.5).holds for ours in (2.9, 3.0, 3.1)] == [True, True, False]
    assert figure(9.0, None).holds
    assert figure(3.0, 1.5).document() == {
        "name": "read",
        "baseline_ms": 2.0,
        "ours_ms": 3.0,
        "limit": 1.5,
        "ratio": 1.5,
        "holds": True,
    }
