# SPDX-License-Identifier: MIT OR Apache-2.0
# In the guest: runs one step after the other and reports each on the second serial line; report.rs reads it.
# The words that frame a step begin with a token that no step knows of.
cd /run/brought
read -r token <token
rm token
report=/dev/ttyS1
# A terminal would add carriage returns.
stty -F "$report" raw -echo

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive

number=0
while [ -f "step-$number" ]; do
    printf '\n%s begin %s\n' "$token" "$number" >"$report"
    # Through a pipe: a program that sees a terminal draws on it.
    { (cd / && exec sh "/run/brought/step-$number") </dev/null 2>&1; echo "$?" >code; } | cat >"$report"
    printf '\n%s end %s %s\n' "$token" "$number" "$(cat code)" >"$report"
    number=$((number + 1))
done
printf '\n%s done\n' "$token" >"$report"
# The disk is thrown away: nothing to unmount.
exec systemctl poweroff --force --force
