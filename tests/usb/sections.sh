# For scripts in the guest that consist of sections: `. sections.sh`. sections.py reads what they leave in /scratch.
# The guest sees this machine's files, and whatever already lies in /tmp: a script keeps its own files in $own.
own=$(mktemp -d)

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

figure() { # NAME: VALUE
    echo "$*" >>/scratch/figures
}

section() { # NAME COMMAND…: leaves NAME.status and NAME.output
    name=$1
    shift
    begin=$(milliseconds)
    (set -eu; "$@") >"/scratch/$name.output" 2>&1
    echo $? >"/scratch/$name.status"
    figure "$name: $((($(milliseconds) - begin) / 1000)) s"
}

wait_for() { # COMMAND…: until it succeeds, but at most $patience seconds (20)
    end=$(($(milliseconds) + ${patience:-20} * 1000))
    until "$@"; do
        [ "$(milliseconds)" -lt $end ] || { echo "waited in vain for: $*" >&2; return 1; }
        sleep 0.1
    done
}

says() { # TEXT COMMAND…: the command fails, and its message contains this
    text=$1
    shift
    if said=$("$@" 2>&1); then echo "$* succeeded: $said"; return 1; fi
    case $said in *"$text"*) ;; *) echo "$* said: $said"; return 1 ;; esac
}

says_gone() { # COMMAND…: the command fails with ENODEV
    says "No such device" "$@"
}

is_mounted() { grep -q " $1 fuse" /proc/mounts; }
not_mounted() { ! is_mounted "$1"; }

on_bus() { grep -qsx 06 /sys/bus/usb/devices/*:*/bInterfaceClass; }
off_bus() { ! on_bus; }
udc_file() { echo /sys/kernel/config/usb_gadget/*/UDC; }

serve() { # ARGUMENT…: starts an emulated camera on the bus as $server
    "$PYTHON" -m camfs.virtual "$@" --gadget >>/scratch/server.output 2>&1 &
    server=$!
    patience=120 wait_for on_bus || exit 1
}

stop() { # SIGNAL: ends the server
    kill "-$1" "$server"
    wait "$server"
    stopped=$?
}
