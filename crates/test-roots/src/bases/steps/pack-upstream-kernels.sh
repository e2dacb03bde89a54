# SPDX-License-Identifier: MIT OR Apache-2.0
# Two kernels in the packages that the kernel's own `make binrpm-pkg` makes: kernel, kernel-devel, kernel-headers.
output=/srv/build/output repository=/srv/kernels/upstream
mkdir -p "$repository"
for suffix in -one -two; do
    # The number of builds so far would be the package's release.
    rm -f "$output/.version"
    make -C "$output" --jobs="$(nproc)" LOCALVERSION="$suffix" \
        RPMOPTS="--quiet --define '_binary_payload w1.zstdio' --define '_build_id_links none'" binrpm-pkg >/dev/null
    make --no-print-directory --silent -C "$output" LOCALVERSION="$suffix" kernelrelease >>/srv/kernels/releases
done
find "$output/rpmbuild/RPMS" -name '*.rpm' -exec mv '{}' "$repository/" ';'
rm -r "$output/rpmbuild"
createrepo_c --quiet "$repository"
