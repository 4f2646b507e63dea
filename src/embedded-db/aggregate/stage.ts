import { MongoError, typeMismatch } from "../errors";
import type { Doc } from "../bson/values";
import type { Collection } from "../catalog/collection";
import type { Collation } from "../query/collation";
import type { Deadline, ScanStatistics } from "../query/scan";
import type { Reader } from "../storage/storage";

/** Where a pipeline finds the collections it joins. */
export interface CollectionFinder {
  find(db: string, name: string): Collection | undefined;
}

/** What a pipeline runs in. */
export interface PipelineContext {
  catalog: CollectionFinder;
  reader: Reader;
  db: string;
  collation: Collation | undefined;
  variables: Doc;
  deadline: Deadline;
  statistics: ScanStatistics;
  /** The collection the pipeline runs over. */
  collection?: Collection | undefined;
  /** How many documents a collection has for this reader, without reading them. */
  countOf: (collection: Collection) => number;
  /** Answers a branch of the `$facet` compiled here, if the collection can do it better alone. */
  branch?: ((pipeline: readonly unknown[]) => Iterable<Doc> | undefined) | undefined;
  /** How many views and `$lookup` pipelines this one stands inside. */
  depth: number;
}

/** What a stage is compiled in: stages that hold pipelines compile and run them through it. */
export interface StageContext extends PipelineContext {
  compilePipeline: (pipeline: readonly unknown[], context: PipelineContext) => Stage[];
  runPipeline: (
    context: PipelineContext,
    collection: Collection | undefined,
    pipeline: readonly unknown[],
  ) => Iterable<Doc>;
  /** How many documents the stages behind this one take, if they say so. */
  limit: number | undefined;
}

/** Turns the documents before a stage into those after it, lazily where it can. */
export type Stage = (input: Iterable<Doc>) => Iterable<Doc>;

/** Makes a stage of its argument; throws for a bad one before anything runs. */
export type CompileStage = (argument: unknown, context: StageContext) => Stage;

/** Splits `{ $stage: argument }`. */
export function stageEntry(stage: unknown): [name: string, argument: unknown] {
  const entries =
    typeof stage === "object" && stage !== null && !Array.isArray(stage)
      ? Object.entries(stage)
      : [];
  const [entry] = entries;
  if (!entry || entries.length !== 1) {
    throw new MongoError(
      40323,
      "A pipeline stage specification object must contain exactly one field.",
    );
  }
  return entry;
}

/** True when a pipeline brings its own documents, and so reads no collection. */
export function beginsWithDocuments(pipeline: readonly unknown[]): boolean {
  return pipeline.length > 0 && stageEntry(pipeline[0])[0] === "$documents";
}

/** @see https://www.mongodb.com/docs/manual/reference/operator/aggregation/documents/ */
export function refuseDocuments(pipeline: readonly unknown[]): void {
  if (beginsWithDocuments(pipeline)) {
    throw new MongoError(73, "'$documents' can only be run with {aggregate: 1}");
  }
}

/** Checks the pipeline argument of a command. */
export function pipelineArgument(value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw typeMismatch("'pipeline' option must be specified as an array");
  }
  value.forEach((stage) => {
    if (typeof stage !== "object" || stage === null || Array.isArray(stage)) {
      throw typeMismatch("Each element of the 'pipeline' array must be an object");
    }
  });
  return value;
}
