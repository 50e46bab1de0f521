# Sourced by tests/check and tests/demo: long steps with visible progress, colours only on a terminal.

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' wipe=$'\r\e[K'
else
    bold='' dim='' red='' green='' plain='' wipe=''
fi

say() { printf '%s%s\n' "$wipe" "$*"; }

# A command line that can't be right, or that can't be followed.
fail() {
    printf '%s\n' "$*" >&2
    exit 2
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# with_progress TITLE LOG COMMAND...: runs the command with its output in LOG, shows the time and LOG's last line, and
# LOG's end when it fails. TIMEOUT (seconds), when set, ends it.
with_progress() {
    local title=$1 log=$2 begin=$SECONDS next=$((SECONDS + 20)) status=0 last width
    shift 2
    mkdir -p "$(dirname "$log")" && : > "$log" || return 1
    # In a session of its own, so that stop_child reaches all that it starts, and the terminal's Ctrl-C only us.
    setsid ${TIMEOUT:+timeout --kill-after=30 "$TIMEOUT"} "$@" >"$log" 2>&1 </dev/null &
    running_child=$!
    while kill -0 $running_child 2>/dev/null; do
        last=$(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | tr -cd '[:print:]')
        if [ -t 1 ]; then
            width=$(($(tput cols 2>/dev/null || echo 80) - ${#title} - 9))
            printf '%s%s %s %s%.*s%s' "$wipe" "$title" "$(elapsed $((SECONDS - begin)))" "$dim" \
                $((width > 0 ? width : 0)) "$last" "$plain"
        elif [ $SECONDS -ge $next ]; then
            next=$((SECONDS + 20))
            say "  $title $(elapsed $((SECONDS - begin))) $last"
        fi
        sleep 1 &
        wait $! # unlike sleep itself, ends with a signal
    done
    wait $running_child || status=$?
    running_child=
    if [ $status -eq 0 ]; then
        say "${green}ok${plain}     $title ($(elapsed $((SECONDS - begin))))"
    else
        say "${red}failed${plain} $title ($(elapsed $((SECONDS - begin))), exit code $status), from $log:"
        tail -n 60 "$log" | sed 's/^/    /'
    fi
    return $status
}

# Ends what with_progress runs, and waits for it.
stop_child() {
    [ -n "${running_child:-}" ] || return 0
    kill -TERM -- "-$running_child" 2>/dev/null || kill "$running_child" 2>/dev/null || return 0
    wait "$running_child" 2>/dev/null
    running_child=
}
running_child=
