/**
 * Every timeout, interval, retry and size limit of Caravel, each with its reason. Nothing else in the code states
 * such a number. Times in milliseconds unless the name says otherwise.
 */

export const TASK_QUEUE = 'caravel';
export const DEFAULT_CLUSTER = 'local';
export const DEFAULT_NAMESPACE = 'openshift-adp';
/** The Velero whose resources and files are spoken; command lines of another minor version warn. */
export const VELERO_VERSION = 'v1.18.0';

/** Retry of quick API and store calls: fast at first (most faults are blips), then every 20 s for as long as an outage lasts. */
export const OUTAGE_RETRY = {
  initialIntervalMs: 250,
  backoffCoefficient: 2,
  maximumIntervalMs: 20_000,
} as const;

/**
 * A list that fails while the API server itself answers: an aggregated server or a conversion webhook that is down. A
 * restart of either takes seconds; what lasts longer is an error of this list, and the other lists go on.
 */
export const LIST_RETRY = { forMs: 30_000, initialIntervalMs: 500, maximumIntervalMs: 5_000 } as const;

/** An object of a restore is tried again at once, through blips; a longer outage is waited out by the whole step. */
export const ITEM_RETRY = { attempts: 5, initialIntervalMs: 200, maximumIntervalMs: 2_000 } as const;

export const TIMEOUTS = {
  /** One attempt of a step that makes a handful of calls; a hung connection is cut and tried again. */
  shortStep: 60_000,
  /** One attempt of a step that streams a whole backup's objects. It heartbeats, so a dead worker is noticed earlier. */
  longStep: 4 * 3_600_000,
  /** An export notes how far it is this often; the next attempt begins there. Heartbeats carry no more. */
  exportCheckpoint: 1_000,
  /** Heartbeat of streaming steps: a worker killed with SIGKILL is noticed within this time. */
  heartbeat: 10_000,
  /** Every running step says that it lives this often; the SDK passes on what the heartbeat timeout needs. */
  heartbeatInterval: 1_500,
  /** Members of a group snapshot are looked for this often: an application may be quiesced meanwhile. */
  groupMembers: 250,
  /** Heartbeat of the controller's watch (design: 5 s), so that a dead controller is replaced in seconds. */
  controllerHeartbeat: 5_000,
  /** Retry of the controller's watch: two seconds is the longest that a new resource may wait for it. */
  controllerRetry: 2_000,
  /** A Velero that was started beside Caravel is looked for so often while runs wait for its end. */
  besideVelero: 15_000,
  /** The watch is begun anew once a day, so that its history stays short. */
  watcher: 24 * 3_600_000,
  /** One attempt of a clean-up: graceful deletion of a mover (60 s) plus the deletion of its volume. */
  cleanupStep: 5 * 60_000,
  /** A clean-up that fails for this long is left to collectGarbage. */
  cleanup: 24 * 3_600_000,
  /** The limiter looks for holders that ended without giving their slot back this often. */
  limiterSweep: 30_000,
  /** Who waits for the limiter asks it again this often: one that was terminated has forgotten who waits. */
  askAgain: 5 * 60_000,
  /** Runs that somebody terminated are looked for so often; one question to Temporal for each run that goes on. */
  lostRuns: 10_000,
  /** Garbage is collected this often; a terminated run's leftovers live no longer. */
  garbage: 120_000,
  /**
   * Scratch that does not say whose it is goes when nothing was written into it for this long: no run is silent for a
   * week, and one that was forgotten costs little.
   */
  ownerlessScratch: 7 * 24 * 3_600_000,
  /** Every worker makes sure of the controller this often. */
  controllerEnsure: 30_000,
  /** How long a link of a DownloadRequest works; Velero's number. A command line fetches at once. */
  downloadLink: 10 * 60_000,
  /** An answered ServerStatusRequest is kept this long; Velero's number. */
  statusAnswer: 60_000,
  /** Requests that are over are looked for this often; Velero's number. */
  requestSweep: 60_000,
  /** A request that could not be served is tried again after this, up to the end of its link. */
  requestRetry: 1_000,
  /** What a step has read of a location and its Secrets serves others for so long; ten volumes read it 85 times. */
  locationKnown: 2_000,
  /** A location without a frequency of its own is tested this often; Velero's number. */
  locationCheck: 60_000,
  /** Frequencies below this are this: Velero looks for due locations every 10 s. */
  locationCheckShortest: 10_000,
  /** A store that has not answered by then counts as unavailable; three attempts to connect take 16 s. */
  locationAnswer: 30_000,
  /** Velero's default for a hook. */
  hook: 30_000,
  /** A longer timeout of a hook is a slip of the pen; timers of the runtime end at 24 days. */
  hookLongest: 24 * 3_600_000,
  /** A wait for another run's hooks below this is the way to the limiter and back. */
  worthTelling: 1_000,
  /** What the hooks of a group may take beyond their own timeouts before the application is released whatever happens:
   * a worker that is lost twice is replaced within it. */
  quiesceSlack: 60_000,
  /** A post-hook whose container cannot be reached is tried again this long: a kubelet is restarted within it, and a
   * container that starts again is quiesced no more. */
  postHookRetry: 2 * 60_000,
  /** Between two such attempts. */
  postHookPause: 1_000,
  /** The run waits so long for the post-hooks before it goes on beside them: its steps would take their time. */
  releaseFirst: 2_000,
  /** Whether the run that quiesced an application still lives is first asked after this: a window is shorter as a rule. */
  runCheck: 3_000,
  /** And later this often: file-system backups keep a window open for hours, and history grows with each question. */
  runCheckLongest: 20_000,
  /** So long such a question may take; then it counts as not answered. */
  glance: 5_000,
  /** The end of a hook that another worker runs is looked for this often. */
  hookPoll: 250,
  /** Velero's default for the wait on a snapshot handle (spec.csiSnapshotTimeout). */
  csiSnapshot: 10 * 60_000,
  /** Velero's default for an asynchronous item operation (spec.itemOperationTimeout), from the slot's grant. */
  itemOperation: 4 * 3_600_000,
  /** Velero's default for a file-system backup (its server's --fs-backup-timeout), from the slot's grant. */
  podVolume: 4 * 3_600_000,
  /**
   * A mover that cannot be scheduled, or whose image cannot be pulled, for this long without a break is a permanent
   * error: the scheduler looks again within 10 s, and the kubelet pulls a second time after 10 s.
   */
  moverStart: 15_000,
  /**
   * What was sent is read back this much later at most, together with what others of the run send meanwhile: each
   * reading costs a third of a second of a core, for one snapshot as for many.
   */
  gatherProofs: 8_000,
  /** No byte moved: kopia's own retries end after ≈ 50 s, so a longer silence is a dead connection. */
  moverStall: 180_000,
  /** kopia flushes on SIGTERM; the kubelet must give it time for that. */
  moverGraceSeconds: 60,
  /** How long the next mover waits for the last one to be gone; a lost node keeps it that long, then the step is tried again. */
  moverGone: 10 * 60_000,
  /** Graceful deletion of a running mover plus unmount. */
  release: 120_000,
  /** A copied snapshot content gets its status within a second; one that does not is treated as not owning the handle. */
  copyStatus: 30_000,
  /** CRDs become established in well under a second; a broken one never does. */
  crdEstablished: 60_000,
  /** An object on its way out, in the way of the restored one; a pod has 30 s to end. */
  objectGone: 60_000,
  /** Velero's resource timeout: a terminating namespace in the way of a restore. */
  terminatingNamespace: 10 * 60_000,
} as const;

export const LIMITS = {
  /** Page size of LIST calls; client-go's own default. Larger pages block the event loop for > 100 ms. */
  pageSize: 500,
  /** Shards exported at once; more only queues at the API server. */
  exportShards: 4,
  /** Objects read one by one at once: related and ordered ones. */
  readParallel: 8,
  /** From so many objects of one cluster-wide type on, its list is read instead of each of them. */
  listInstead: 100,
  /** Objects applied at once by one activity; 8 raw connections restore 600 Secrets a second. */
  applyParallel: 8,
  /** Chunks of objects applied at once. */
  applyChunks: 2,
  /** Objects in one chunk of a restore wave. */
  chunkItems: 500,
  /** After this many objects a chunk writes down what came of them; so much is looked at again after a crash. */
  applyCheckpoint: 100,
  /** Snapshots read by one kopia process; their ids stand in its command line. */
  snapshotsAtOnce: 500,
  /** Lists of read snapshots that a worker keeps, one for each repository of a restore. */
  knownSnapshotLists: 50,
  /** Repositories opened at once by one step: each is a kopia process of half a second and 60 MB. */
  repositories: 4,
  /** Movers at once in a cluster when nothing is configured. */
  movers: 4,
  /** Bytes of a segment before compression; one is held in memory per shard. */
  segmentBytes: 2 * 1024 * 1024,
  /** Leftovers of lost runs that are undone at once: one whose storage is stuck keeps no other. */
  garbage: 8,
  /** Applications quiesced at once by one run; more would wait for each other's snapshots, quiesced. */
  quiescedGroups: 8,
  /**
   * Volumes whose temporary claim and snapshot may be left until the run has moved all: removing them keeps the API
   * server and the storage busy while movers wait for both, and leaving them takes space.
   */
  uncleaned: 20,
  /** Output of a hook that is kept for the log; all hooks of a group share one Secret of at most 1 MiB. */
  hookOutput: 4 * 1024,
  /** What the hooks of a group may keep together. */
  hookOutputs: 512 * 1024,
  /** A Temporal payload stays below this; larger things travel as documents in the bucket. */
  payloadBytes: 64 * 1024,
  /** A name of the API is no longer, so folders of longer names in a bucket are not Caravel's. */
  nameBytes: 253,
  /** The owner of a scratch area is three names; what is larger was written by somebody else. */
  ownerBytes: 4 * 1024,
  /** Largest single object read whole from the bucket: documents, metadata files. */
  documentBytes: 256 * 1024 * 1024,
  /** Largest object manifest taken from a tarball: etcd's own limit is 1.5 MiB, aggregated APIs may exceed it. */
  manifestBytes: 32 * 1024 * 1024,
  /** Kopia checkpoint interval in seconds: a killed mover sends at most this much again; each costs a few PUTs. */
  checkpointSeconds: 180,
  /** Parallel file reads of a mover going up. Each costs about 25 MiB; 8 gain nothing, even at 100 ms a request. */
  parallelUp: 6,
  /** Parallel downloads: bound by latency, so more of them, and each costs half as much. */
  parallelDown: 16,
} as const;

/** Milliseconds between two progress writes of one transfer to its custom resource. */
export const PROGRESS_INTERVAL = 1_000;

/** What one worker process takes on; sized so that an idle one stays below 200 MB. */
export const WORKER = {
  /** Time for running steps to end when the worker is told to stop; below the pod's grace period of 60 s. */
  shutdownGrace: 10_000,
  /**
   * Percent by which V8's heap may grow before garbage is collected. Left alone, buffers of an export pile up: 30,000
   * objects took 100 MB more, and a tenth less time.
   */
  heapGrowth: 20,
  /** Steps at once. Most wait for the cluster; streams are bounded by their own limits. */
  activities: 60,
  workflowTasks: 10,
  /** Workflows kept in memory; others are replayed when their next task comes. */
  cachedWorkflows: 200,
} as const;

/**
 * Waits for a claim to be bound, each followed by a nudge of the binder: usually it takes 30 ms, after a lost race
 * 15 seconds. In sum the time after which the step is tried again.
 */
export const BIND_WAITS = [150, 250, 500, 1_000, 2_000, 5_000, 20_000, 60_000] as const;

/**
 * Waits for a deleted snapshot content to be gone, each followed by a touch: one that is deleted while its snapshot is
 * being made is overlooked once in five times, until the CSI sidecar's next round of everything, 15 minutes later.
 */
export const DELETION_WAITS = [1_500, 3_000, 5_000, 10_000, 20_000, 40_000, 40_000] as const;
