# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion for bellwether. Installed as share/bash-completion/completions/bellwether.
# Names of members, groups and critical devices are asked of the daemon; without one there are none to offer.

# Names in a table command's JSON: _bellwether_names COMMAND [KEY]; global options that were typed are passed on.
_bellwether_names()
{
    "${_bellwether_call[@]}" -j "$1" 2>/dev/null | sed -n 's/^ *"'"${2:-name}"'": *"\(.*\)",\{0,1\}$/\1/p' | sort -u
}

# Members: from the state, whose "members" array is the only one that says who is local.
_bellwether_members()
{
    "${_bellwether_call[@]}" -j state 2>/dev/null |
        sed -n '/^ *"members": *\[/,/^ *\]/s/^ *"name": *"\(.*\)",\{0,1\}$/\1/p'
}

# What may follow in the commands of other clusters; sets the caller's `words`: _bellwether_other_words NAME PREVIOUS
_bellwether_other_words()
{
    case $1:$2 in
    cphaprob:-s) words="ok init problem" ;;
    cphaprob:-d) words=$(_bellwether_names pnotes | grep -v '[ "\\]') ;;
    cphaprob:-t) words="" ;;
    cphaprob:-f) words=$(compgen -f -- "$cur") ;;
    cphaprob:*) words="state stat if list register unregister report syncstat -a -i -ia -e -l -d -t -s -p -f -reset" ;;
    clp*:-h) words=$(_bellwether_members) ;;
    clp*:-g) words=$(_bellwether_names groups) ;;
    clpstat:*) words="-s -n -i -h" ;;
    clpgrp:*) words="-s -t -m -h -g" ;;
    esac
}

# Called by one of those names.
_bellwether_other()
{
    local cur=${COMP_WORDS[COMP_CWORD]} words=""
    local -a _bellwether_call=(bellwether)

    _bellwether_other_words "${COMP_WORDS[0]##*/}" "${COMP_WORDS[COMP_CWORD - 1]}"
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

_bellwether()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="state interfaces pnotes addresses groups history sync watch down up maintenance move start stop
        register report unregister reload check key version traps trap-test
        resources alerts test-alert
        help cphaprob clpstat clpgrp"
    local -a _bellwether_call=("${COMP_WORDS[0]}")
    local command="" at i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket | -c | --config)
            _bellwether_call+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
            ((i++))
            ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            at=$i
            break
            ;;
        esac
    done
    if [[ -z $command ]]; then
        case $prev in
        -s | --socket | -c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$commands -s -c -j --socket --config --json --help --version" -- "$cur") ;;
        esac
        return
    fi
    local words=""
    # Which of the command's own arguments is being typed, options left out.
    local place=0
    for ((i = at + 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -t | -s | -n | -i) ((i++)) ;;
        -*) ;;
        *) ((place++)) ;;
        esac
    done
    case $command:$place in
    down:0) words="$(_bellwether_members) --force" ;;
    up:0 | maintenance:0) words=$(_bellwether_members) ;;
    down:1) words="--force" ;;
    move:0 | start:0 | stop:0) words=$(_bellwether_names groups) ;;
    move:1 | start:1 | stop:1) words=$(_bellwether_members) ;;
    report:0 | unregister:0) words=$(_bellwether_names pnotes | grep -v '[ "\\]') ;;
    report:1) words="ok init problem" ;;
    register:0) words="-f" ;;
    register:1) words="-t -s -p" ;;
    unregister:1) words="-p" ;;
    sync:0) words="--reset" ;;
    test-alert:0) words=$(_bellwether_names alerts) ;;
    history:0) words="-n -k -m -a" ;;
    watch:0) words="-i -n" ;;
    help:0) words=$commands ;;
    check:0 | trap-test:0)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    esac
    if [[ $command == register && $prev == -f ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    if [[ $command == cphaprob || $command == clpstat || $command == clpgrp ]]; then
        _bellwether_other_words "$command" "$prev"
    fi
    [[ $command == register && $prev == -s ]] && words="ok init problem"
    if [[ $command == history ]]; then
        case $prev in
        -k) words="start state-change failover pnote interface admin split-brain mismatch address auth-failure pause
            cancelled reload sync resource alert" ;;
        -m) words=$(_bellwether_members) ;;
        -a) words="1h 12h 7d" ;;
        -n) words="" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _bellwether bellwether
complete -F _bellwether_other cphaprob clpstat clpgrp
