#!/bin/sh
# sign.sh KEYFILE QUEUE MESSAGE_ID FILE: prints the header docker-dispatch-signature of the message whose body is FILE, for a publisher that
# sends it to QUEUE with that message_id. KEYFILE is what docker-dispatch keygen or openssl genpkey -algorithm ed25519 has made.
set -eu

moment=$(date -u +%Y-%m-%dT%H:%M:%SZ)
signed=$(mktemp)
trap 'rm -f "$signed"' EXIT

# netstring TEXT: its length in bytes, a colon, the text, a comma.
netstring() {
    printf '%d:' "$(printf %s "$1" | wc -c)"
    printf '%s,' "$1"
}

{
    printf 'docker-dispatch message v1\n'
    netstring "$2"
    netstring "$3"
    netstring "$moment"
    printf '%d:' "$(wc -c <"$4")"
    cat "$4"
    printf ','
} >"$signed"

echo "v1 $moment $(openssl pkeyutl -sign -inkey "$1" -rawin -in "$signed" | openssl base64 -A)"
