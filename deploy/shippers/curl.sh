#!/bin/sh
# curl: a whole log to Bartizan, plain or packed with gzip or zstd: `./curl.sh access.log access.log.2.gz`.
#
# Environment: BARTIZAN_URL (http://127.0.0.1:8000), BARTIZAN_TOKEN.
#
# What is answered   202: the lines are stored; what could be read is printed. 408, 429 and 5xx: curl waits as Retry-After says and sends
#                    the file again, up to ten times; so it does where no connection is made. Anything else ends the script with an error.
# Counted once       The Idempotency-Key is the checksum of the file: the same file counts once within a day, however often it is sent. A file
#                    that has grown is another one, and all of it counts.
# Limits             A body has at most server.max_body_bytes (64 MiB) after unpacking: cut a larger log with `split -C 32m`.
set -eu

url=${BARTIZAN_URL:-http://127.0.0.1:8000}
# The header goes by standard input, since command lines can be read by others.
case ${BARTIZAN_TOKEN:-} in *[\\\"]* | *"
"*) echo "BARTIZAN_TOKEN has a quote, a backslash or a line break" >&2 && exit 2 ;; esac
for file in "$@"; do
    case $file in /*) ;; *) file=./$file ;; esac
    sum=$(sha256sum <"$file")
    key=${sum%% *}
    printf 'header = "Authorization: Bearer %s"\n' "${BARTIZAN_TOKEN:-}" |
        curl --silent --show-error --fail-with-body --config - \
            --retry 10 --retry-connrefused --max-time 300 \
            --header "Idempotency-Key: $key" --header 'Content-Type: text/plain' \
            --data-binary "@$file" "$url/logs/ingest"
    echo
done
