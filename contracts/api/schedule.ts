import { Type, type Static } from 'typebox';
import { BackupSpecSchema } from './backup.ts';
import type { CustomResource } from './meta.ts';
import { choice, flag, root, text, textList, time } from './schema.ts';

export const SCHEDULE_PHASES = ['New', 'Enabled', 'FailedValidation'] as const;
export type SchedulePhase = (typeof SCHEDULE_PHASES)[number];

export const ScheduleSpecSchema = Type.Object(
  {
    template: Type.Object(BackupSpecSchema.properties, { description: 'Spec of the backups made.' }),
    schedule: text('When to make a backup, in the form of cron.'),
    useOwnerReferencesInBackup: Type.Optional(
      flag('Whether the schedule owns its backups, so that they go with it.', { nullable: true }),
    ),
    paused: Type.Optional(flag('Whether no backups are made for now.')),
    skipImmediately: Type.Optional(flag('Whether a backup that is due at once is left out.')),
  },
  { description: 'What to back up, and when.' },
);
export type ScheduleSpec = Static<typeof ScheduleSpecSchema>;

export const ScheduleStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(SCHEDULE_PHASES, 'Whether the schedule is in force.'),
    lastBackup: time('When the last backup was made.'),
    lastSkipped: time('When a backup was last left out.'),
    validationErrors: textList('Everything that is wrong with the spec.'),
  }),
  { description: 'Where the schedule stands.' },
);
export type ScheduleStatus = Static<typeof ScheduleStatusSchema>;

export const ScheduleSchema = root('Backups at regular times.', {
  spec: ScheduleSpecSchema,
  status: ScheduleStatusSchema,
});
export type Schedule = CustomResource<'Schedule', ScheduleSpec, ScheduleStatus>;
