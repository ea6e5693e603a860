"""Load: many telephone calls at once, each as light as can be, and the measuring of what a server adds to them.

    speech.py talker.py playback.py    one caller, pure: what they say, when, and what they hear of the other side
    frames.py telephone.py webhook.py  their telephone: a raw WebSocket, messages built by hand
    generator.py                       a process full of telephones on one absolute clock
    processes.py echo.py               what is measured: a server, its model, and a bare echo to compare with
    stages.py                          the runs
    sonic_log.py matching.py           the model's own account of a run, and both accounts laid side by side
    rows.py figures.py picture.py      what came out

Every time is CLOCK_MONOTONIC in nanoseconds, which the processes of one machine share.
"""
