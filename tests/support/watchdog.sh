#!/usr/bin/env bash
# Runs a command in a process group of its own until it ends or standard input does, then leaves nothing of it:
# neither a process of that group nor the folder. Where the command ended by itself, the folder stays for its log.
#
# usage: watchdog.sh FOLDER COMMAND...
#
# Whoever starts it holds the other end of standard input, which the kernel closes however that process ends.

folder=$1
shift
mkfifo "$folder/alive" || exit

set -m # each job is a process group
# The command and all that it starts hold this pipe as their standard input, which none of them reads. So the pipe
# ends with the last of them, even with one that this shell, not being its parent, could not wait for.
"$@" 0>"$folder/alive" 2>&1 &
command=$!
exec 3<"$folder/alive"
{ cat && kill -KILL -- "-$command"; } <&0 >/dev/null &
reader=$!

wait "$command"
status=$?
# What the command started may still be there, and so may the reader.
kill -KILL -- "-$command" "-$reader"
# A killed process is gone a moment later, and only then are its ports and files free.
read -r -t 10 -u 3
if ((status == 137)); then
  rm -rf -- "$folder"
fi
exit "$status"
