import { Schema, model, type HydratedDocument, type Types } from "mongoose";
import { JOB_STATES, VIDEO_STEPS } from "../constants";

export type JobState = (typeof JOB_STATES)[number];
export type VideoStep = (typeof VIDEO_STEPS)[number];

export interface JobStep {
  name: VideoStep;
  state: JobState;
  /** From 0 to 1. */
  progress: number;
}

/** Why work did not succeed: a stable code, and words for its owner. */
export interface JobError {
  code: string;
  message: string;
}

/** Larger goes first. */
export const JOB_PRIORITY = { publish: 20, repeat: 10, bulk: 0 } as const;

/**
 * A piece of background work; the collection is the queue. Whoever works on it holds its lease, a
 * random token that every later write has to name: one that has lost it changes nothing any more.
 */
interface Job {
  type: "process-video";
  /** The video. */
  target: Types.ObjectId;
  owner: Types.ObjectId;
  state: JobState;
  priority: number;
  /** Times that a worker has begun, in this round. */
  attempts: number;
  /** When a worker may take it: its turn to be tried or the end of its holder's lease; null once it has ended. */
  availableAt: Date | null;
  lease: string | null;
  steps: JobStep[];
  /** Of the last attempt that did not succeed. */
  error: JobError | null;
  /** Grows with every change that its owner can see. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

export type JobDocument = HydratedDocument<Job>;

const stepSchema = new Schema<JobStep>(
  {
    name: { type: String, enum: VIDEO_STEPS, required: true },
    state: { type: String, enum: JOB_STATES, required: true },
    progress: { type: Number, required: true, min: 0, max: 1 },
  },
  { _id: false },
);

const jobSchema = new Schema<Job>(
  {
    type: { type: String, enum: ["process-video"], required: true },
    target: { type: Schema.Types.ObjectId, required: true },
    owner: { type: Schema.Types.ObjectId, required: true },
    state: { type: String, enum: JOB_STATES, required: true },
    priority: { type: Number, required: true },
    attempts: { type: Number, required: true },
    availableAt: { type: Date, default: null },
    lease: { type: String, default: null },
    steps: { type: [stepSchema], required: true },
    error: {
      type: new Schema<JobError>(
        { code: { type: String, required: true }, message: { type: String, required: true } },
        { _id: false },
      ),
      default: null,
    },
    revision: { type: Number, required: true },
  },
  { timestamps: true },
);

jobSchema.index({ target: 1, type: 1 }, { unique: true });
// Holds what is still to be done only, so that a claim looks at nothing else.
jobSchema.index(
  { priority: -1, availableAt: 1, _id: 1 },
  { partialFilterExpression: { availableAt: { $type: "date" } } },
);
// The operator's list.
jobSchema.index({ state: 1, updatedAt: -1, _id: -1 });

export const Job = model("Job", jobSchema);

/** What a job holds when a round of attempts begins. */
export function freshJob(priority: number) {
  return {
    state: "queued" as const,
    priority,
    attempts: 0,
    availableAt: new Date(),
    lease: null,
    steps: freshSteps(),
    error: null,
  };
}

/** The steps of work that has not been begun. */
export function freshSteps(): JobStep[] {
  return VIDEO_STEPS.map((name) => ({ name, state: "queued", progress: 0 }));
}
