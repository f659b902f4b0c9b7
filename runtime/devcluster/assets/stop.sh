# Ends the control plane when whoever started it is gone, however it went: the other end of standard input is open as
# long as that process lives. Lines say which processes there are. Arguments: what to remove then.
trap '' HUP INT QUIT TERM
pids=
while read -r word pid; do
    case $word in
    started) pids="$pids $pid" ;;
    ended)
        rest=
        for each in $pids; do [ "$each" = "$pid" ] || rest="$rest $each"; done
        pids=$rest
        ;;
    esac
done
# The data is thrown away, so nothing has to end in good order; SIGKILL also reaches what was stopped by SIGSTOP.
for each in $pids; do kill -KILL "$each" 2>/dev/null; done
tries=0
for each in $pids; do
    while kill -0 "$each" 2>/dev/null && [ "$tries" -lt 40 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
done
for each in "$@"; do rm -rf "$each"; done
# Whatever was being started at that very moment shares this process group.
kill -KILL 0
