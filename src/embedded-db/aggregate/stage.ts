import { MongoError } from "../errors";
import type { Doc } from "../bson/values";
import type { Catalog } from "../catalog/catalog";
import type { Collection } from "../catalog/collection";
import type { Collation } from "../query/collation";
import type { Deadline, ScanStatistics } from "../query/scan";
import type { Reader } from "../storage/storage";

/** What the stages of a pipeline run in. */
export interface PipelineContext {
  catalog: Catalog;
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
  /** How many views and `$lookup` pipelines this one stands inside. */
  depth: number;
}

/** Turns the documents before a stage into those after it, lazily where it can. */
export type Stage = (input: Iterable<Doc>) => Iterable<Doc>;

/** Makes a stage of its argument; throws for a bad one before anything runs. */
export type CompileStage = (argument: unknown, context: PipelineContext) => Stage;

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
