"""The engine ``wdl``: runs of WDL workflows execute their tasks, as processes of this machine.

``engine`` and ``course`` belong to the emulator's own process. ``child`` is the process that executes one run with
miniwdl, and the other modules are its own; the two talk in lines of JSON (see ``pipe``).
"""
