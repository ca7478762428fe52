import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { previewActivities } from '../../../../activities/preview/index.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { PreviewOpened, PreviewStart } from '../../../../contracts/activities.ts';

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };
const { openPreview } = previewActivities({ config: { cluster: 'c', namespace: 'n' } } as unknown as Deps);
const open = async (input: object) =>
  await new MockActivityEnvironment({}, { logger: quiet }).run<
    [PreviewStart],
    PreviewOpened,
    typeof openPreview
  >(openPreview, { startedAs: 'by hand', ...input } as PreviewStart);

it.each(['a/b', '../../backups/other', '', 'x'.repeat(65), 'ü'])(
  'a preview is not made under the uid "%s"',
  async (uid) => {
    await expect(open({ uid, spec: {} })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/^uid: /) as string,
    });
  },
);

it('a preview that was started under another id is sent to its own', async () => {
  expect(await open({ uid: 'u-1', spec: {} })).toEqual({
    state: 'elsewhere',
    workflowId: 'previewBackup/c/n/u-1',
  });
});
