# Sourced by tests/check and tests/demo: long steps with visible progress, colours only on a terminal.

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' wipe=$'\r\e[K'
else
    bold='' dim='' red='' green='' plain='' wipe=''
fi

say() { printf '%s%s\n' "$wipe" "$*"; }

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# with_progress TITLE LOG COMMAND...: runs the command with its output in LOG, shows the time and LOG's last line, and
# LOG's end when it fails. TIMEOUT (seconds), when set, ends it.
with_progress() {
    local title=$1 log=$2 begin=$SECONDS next=$((SECONDS + 20)) status=0 child last
    shift 2
    mkdir -p "$(dirname "$log")"
    : > "$log"
    ${TIMEOUT:+timeout --kill-after=30 "$TIMEOUT"} "$@" >"$log" 2>&1 </dev/null &
    child=$!
    running_child=$child
    while kill -0 $child 2>/dev/null; do
        last=$(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | tr -cd '[:print:]')
        if [ -t 1 ]; then
            printf '%s%s %s %s%.70s%s' "$wipe" "$title" "$(elapsed $((SECONDS - begin)))" "$dim" "$last" "$plain"
        elif [ $SECONDS -ge $next ]; then
            next=$((SECONDS + 20))
            say "  $title $(elapsed $((SECONDS - begin))) $last"
        fi
        sleep 1
    done
    wait $child || status=$?
    running_child=
    if [ $status -eq 0 ]; then
        say "${green}ok${plain}     $title ($(elapsed $((SECONDS - begin))))"
    else
        say "${red}failed${plain} $title ($(elapsed $((SECONDS - begin))), exit code $status), from $log:"
        tail -n 60 "$log" | sed 's/^/    /'
    fi
    return $status
}

stop_child() { [ -z "${running_child:-}" ] || kill "$running_child" 2>/dev/null || true; }
running_child=
