#!/bin/sh
# Runs a command and reports how it went to a heartbeat check: nightly-job.sh TOKEN COMMAND ...
# What cannot be reported never fails the job; the check turns red by itself when no report comes.
token=$1
shift
ping() {
  curl --fail --silent --show-error --max-time 10 --retry 3 --output /dev/null \
    "${SIGNALBOX_URL:-http://127.0.0.1:3000}/ping/$token$1?rid=$run" || true
}
run=$(cat /proc/sys/kernel/random/uuid)
ping /start
"$@"
status=$?
ping "/$status"
exit $status
