import type { KubeClient } from '../../platform/kube/types.ts';
import { runIn } from './pods.ts';

/** The files of the web server: every kind that a volume may hold and that a careless copy would change. */
const WRITE = `
set -eu
cd /www
echo '<!doctype html><meta charset=utf-8><title>Shop</title><p>Ahoy! This page is served from a volume.' > index.html
mkdir -p catalogue photos '日本語/подпапка' empty 'a folder with spaces'
echo spaces > 'a folder with spaces/a file with spaces.txt'
echo unicode > '日本語/подпапка/ファイル.txt'
echo umlaut > 'Übergröße.txt'
for n in $(seq 1 300); do echo "{\\"product\\": $n}" > catalogue/product-$n.json; done
for n in 1 2 3 4 5 6; do dd if=/dev/urandom of=photos/$n.jpg bs=1M count=4 2>/dev/null; done
ln -s index.html start.html
ln -s /nowhere/at/all dangling
: > nothing
dd if=/dev/zero of=sparse.img bs=1 count=0 seek=67108864 2>/dev/null
printf middle | dd of=sparse.img bs=1 seek=33554432 conv=notrunc 2>/dev/null
echo secret > secret.key
echo tool > tool
echo '*.cache' > .kopiaignore
echo kept > page.cache
mkdir tagged
echo 'Signature: 8a477f597d28d172789f06886806bc55' > tagged/CACHEDIR.TAG
echo kept > tagged/file
chown 1000:2000 catalogue/product-1.json secret.key
chown -h 12345:54321 start.html
chmod 0400 secret.key
chmod 4755 tool
chmod 2775 photos
chmod 1777 empty
touch -d '2001-02-03 04:05:06' 'Übergröße.txt'
sync
find . | wc -l
`;

/** One line for each file: type, mode, owner, size, time of change, content, name. */
const LIST = `
set -eu
cd /www
find . -path ./lost+found -prune -o -print | sort | while IFS= read -r name; do
  if [ -L "$name" ]; then echo "$name|symlink to $(readlink "$name") owner $(stat -c '%u:%g' "$name")"
  elif [ -d "$name" ]; then echo "$name|folder mode $(stat -c '%a owner %u:%g' "$name")"
  elif [ -f "$name" ]; then
    sum=$(sha256sum < "$name")
    echo "$name|file mode $(stat -c '%a owner %u:%g size %s time %Y' "$name") sha256 \${sum%% *}"
  else echo "$name|something else: $(stat -c %F "$name")"
  fi
done
`;

/** Returns how many files, folders and links there are. */
export async function writeFiles(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<number> {
  return Number(await runIn(kube, namespace, 'web', ['sh', '-c', WRITE], { signal }));
}

export async function fileSums(
  kube: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<[string, string][]> {
  const output = await runIn(kube, namespace, 'web', ['sh', '-c', LIST], { signal });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const bar = line.indexOf('|');
      return [`file ${line.slice(0, bar)}`, line.slice(bar + 1)];
    });
}
