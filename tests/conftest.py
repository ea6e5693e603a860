"""Rules for the whole suite: a test that was skipped proves nothing, so it counts as failed."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or exitstatus != pytest.ExitCode.OK:
        return
    skipped = len(reporter.stats.get("skipped", []))
    if skipped:
        reporter.write_line(f"{skipped} skipped: a skipped test counts as a failed one", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
