# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs node_exporter, and of Prometheus itself the program that judges rules and metrics: the server and the fonts and
# scripts of its pages are 150 MB.
apt-get update
apt-get install --yes --no-install-recommends prometheus-node-exporter iproute2 curl
cd /tmp
apt-get download prometheus
dpkg-deb --fsys-tarfile prometheus_*.deb | tar --extract --directory=/ ./usr/bin/promtool
rm prometheus_*.deb

for release in $RELEASES; do
    echo "release: $release"
done
