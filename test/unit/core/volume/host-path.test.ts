import { describe, expect, test } from 'vitest';
import { hostPath } from '../../../../core/volume/host-path.ts';

const pod = { namespace: 'shop', name: 'web', uid: '0b6c7f9e-1111-2222-3333-444455556666', node: 'n1' };
const at = (volumeType: string, volume: string, podVolume = 'data') =>
  hostPath('/var/lib/kubelet', { pod, podVolume, volume, volumeType });
const FOLDER = `/var/lib/kubelet/pods/${pod.uid}/volumes`;

describe('the folder of a pod volume on its node', () => {
  test.each([
    ['csi', 'pv-1', `${FOLDER}/kubernetes.io~csi/pv-1/mount`],
    ['csi', '', `${FOLDER}/kubernetes.io~csi/data/mount`],
    ['emptyDir', '', `${FOLDER}/kubernetes.io~empty-dir/data`],
    ['nfs', 'pv-2', `${FOLDER}/kubernetes.io~nfs/pv-2`],
    ['nfs', '', `${FOLDER}/kubernetes.io~nfs/data`],
    ['local', 'pv.local-3', `${FOLDER}/kubernetes.io~local-volume/pv.local-3`],
    ['iscsi', 'pv-4', `${FOLDER}/kubernetes.io~iscsi/pv-4`],
    ['awsElasticBlockStore', 'pv-5', `${FOLDER}/kubernetes.io~csi/pv-5/mount`],
    ['vsphereVolume', 'pv-6', `${FOLDER}/kubernetes.io~csi/pv-6/mount`],
  ])('type %s, PersistentVolume "%s"', (type, volume, expected) => {
    expect(at(type, volume)).toBe(expected);
  });

  test('follows the root folder of the kubelet', () => {
    const path = hostPath('/data/kubelet', { pod, podVolume: 'tmp', volume: '', volumeType: 'emptyDir' });
    expect(path).toBe(`/data/kubelet/pods/${pod.uid}/volumes/kubernetes.io~empty-dir/tmp`);
  });

  test.each([
    ['image', ''],
    ['flexVolume', 'pv-7'],
    ['toString', 'pv-8'],
    ['', 'pv-9'],
    // In a pod itself the kubelet makes up a name.
    ['awsElasticBlockStore', ''],
  ])('is not known of type "%s"', (type, volume) => {
    expect(() => at(type, volume)).toThrow(expect.objectContaining({ code: 'NotSupported' }) as Error);
  });

  test.each(['..', '../../etc', 'a/b', 'a..b', '/etc', 'a\0b', 'a\n', ''])(
    'never leads elsewhere: a volume called %j is refused',
    (name) => {
      expect(() => at('emptyDir', '', name)).toThrow(/no name/);
      if (name !== '') expect(() => at('csi', name)).toThrow(/no name/);
      const other = { pod: { ...pod, uid: name }, podVolume: 'data', volume: '', volumeType: 'emptyDir' };
      expect(() => hostPath('/var/lib/kubelet', other)).toThrow(/no name/);
    },
  );
});
