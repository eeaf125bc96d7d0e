"""A terminal with a command on it: reads a scenario in JSON from standard input, prints the screens in JSON.

{"command": [...], "variables": {...}, "columns": 80, "rows": 24, "limit": seconds,
 "steps": [{"until": "regular expression"}, {"resize": [columns, rows]}, {"type": "text"}, {"exit": true}],
 "every": seconds}

`until` and `exit` each add a screen as lines. What a command draws may come in parts, so the expression should reach to the end
(`\\Z`) of what is drawn. With `every`, what is on the screen is kept so often, with its colours, in
"frames": [[seconds, [[text, colour], ...] for each line]].
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte


class Terminal:
    def __init__(self, scenario):
        self.columns, self.rows = scenario["columns"], scenario["rows"]
        self.screen = pyte.Screen(self.columns, self.rows)
        self.stream = pyte.ByteStream(self.screen)
        self.begin = time.monotonic()
        self.limit = self.begin + scenario.get("limit", 60)
        self.every, self.kept, self.frames = scenario.get("every"), 0.0, []
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execve(scenario["command"][0], scenario["command"], scenario["variables"])
        self.resize(self.columns, self.rows)

    def resize(self, columns, rows):
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def read(self):
        """Reads what there is; false when the command has closed the terminal."""
        if time.monotonic() > self.limit:
            os.kill(self.pid, signal.SIGKILL)
            raise SystemExit("the screen did not come to what was waited for:\n" + "\n".join(self.lines()))
        ready, _, _ = select.select([self.file], [], [], 0.05)
        self.keep()
        if not ready:
            return True
        try:
            data = os.read(self.file, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.stream.feed(data)
        return bool(data)

    def lines(self):
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def keep(self):
        now = time.monotonic() - self.begin
        if self.every is None or now - self.kept < self.every and self.frames:
            return
        self.kept = now
        self.frames.append([round(now, 2), [self.spans(row) for row in range(len(self.lines()))]])

    def spans(self, row):
        spans = []
        for column in range(self.columns):
            cell = self.screen.buffer[row][column]
            if spans and spans[-1][1] == cell.fg:
                spans[-1][0] += cell.data
            else:
                spans.append([cell.data, cell.fg])
        while spans and not spans[-1][0].strip():
            spans.pop()
        return spans


def main():
    scenario = json.load(sys.stdin)
    terminal = Terminal(scenario)
    screens, status = [], None
    for step in scenario["steps"]:
        if "resize" in step:
            terminal.resize(*step["resize"])
        elif "type" in step:
            os.write(terminal.file, step["type"].encode())
        elif "until" in step:
            while not re.search(step["until"], "\n".join(terminal.lines())):
                if not terminal.read():
                    raise SystemExit("the command ended before " + repr(step) + ":\n" + "\n".join(terminal.lines()))
            screens.append(terminal.lines())
        else:
            while terminal.read():
                pass
            terminal.every = terminal.every and 0
            terminal.keep()
            status = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
            screens.append(terminal.lines())
    json.dump({"screens": screens, "status": status, "frames": terminal.frames}, sys.stdout)


main()
