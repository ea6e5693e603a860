"""What we promise callers against what we may have at once. Pure."""

from app.doctor.findings import Finding, right, warning, wrong
from app.settings import Settings

FILES_A_CALL = 4  # its socket, a proxy's, a tool's, a person's
FILES_OF_OUR_OWN = 256


def quotas_finding(settings: Settings, open_files: int) -> Finding:
    """`open_files`: how many this process may have open."""
    streams, calls, warm = settings.nova_sonic_max_streams, settings.max_calls, settings.pool_size
    facts = {"max_streams": streams, "max_calls": calls, "pool_size": warm, "open_files": open_files}
    needed = calls * FILES_A_CALL + FILES_OF_OUR_OWN
    if open_files < needed:
        fix = f"raise the limit (LimitNOFILE={needed}, ulimit -n {needed}), or lower MAX_CALLS"
        return wrong(f"{open_files} open files are too few for {calls} calls", fix, **facts)
    if warm >= streams:
        fix = "raise NOVA_SONIC_MAX_STREAMS to your quota, or lower POOL_SIZE"
        return wrong(f"{warm} warm sessions leave none of {streams} streams for a call", fix, **facts)
    if calls > streams:
        said = f"MAX_CALLS is {calls}, but the model serves {streams} at once: the rest get the menu without a model"
        fix = "ask AWS for more and raise NOVA_SONIC_MAX_STREAMS, or lower MAX_CALLS"
        return warning(said, fix, **facts)
    if calls + warm > streams:
        said = f"with {calls} calls there is no stream left for {warm} warm sessions, and renewals wait"
        return warning(said, "raise NOVA_SONIC_MAX_STREAMS to your quota, or lower MAX_CALLS", **facts)
    return right(f"{streams} streams for {calls} calls and {warm} warm sessions", **facts)
