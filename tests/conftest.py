"""Rules for the whole suite: a test that was skipped proves nothing, so it counts as failed."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if skipped and exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped: a skipped test counts as a failed one", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
