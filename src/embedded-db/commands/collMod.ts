import { MongoError, unknownField } from "../errors";
import { compareValues } from "../bson/compare";
import { type Doc, Long, omit, textOf, toNumber } from "../bson/values";
import { roundedCap } from "../catalog/capped";
import type { Collection } from "../catalog/collection";
import type { Index } from "../catalog/collection-index";
import { regranulated } from "../catalog/time-series";
import { checkExpire } from "../index/index-spec";
import { isTruthy } from "../query/scope";
import type { WriteUnit } from "../sessions/write-unit";
import { checkExpiry, checkImages, checkValidation } from "./create";
import type { CommandContext } from "./context";
import { isGeneric } from "./fields";

const OPTIONS = [
  "validator",
  "validationLevel",
  "validationAction",
  "viewOn",
  "pipeline",
  "changeStreamPreAndPostImages",
  "cappedSize",
  "cappedMax",
  "expireAfterSeconds",
  "timeseries",
];

/** Options of create under another name. */
const RENAMED: Record<string, string> = { cappedSize: "size", cappedMax: "max" };

/** @see https://www.mongodb.com/docs/manual/reference/command/collMod/ */
export async function collMod(context: CommandContext): Promise<Doc> {
  return context.changeCatalog((unit) => {
    const collection = context.engine.collection(context.db, context.collectionName());
    const changes = changedOptions(context.command, collection);
    const index = context.document("index");
    const { options, indexes, uuid } = collection;
    unit.onRollback(() => {
      Object.assign(collection, { options, indexes });
      collection.forgetValidator();
    });
    collection.options = merged(options, changes);
    collection.forgetValidator();
    const reply = index ? changeIndex(context, unit, collection, index) : {};
    context.engine.catalog.save(unit, collection);
    unit.changed({
      type: "modify",
      collection,
      operation: { ...changes, ...(index ? { index } : {}) },
      stateBefore: {
        collectionOptions: { ...(collection.isView ? {} : { uuid }), ...options },
        ...(index ? { indexOptions: optionsBefore(reply) } : {}),
      },
    });
    return reply;
  });
}

/** The options of an index before the change, which the reply tells as `hidden_old` and the like. */
function optionsBefore(reply: Doc): Doc {
  return Object.fromEntries(
    Object.entries(reply)
      .filter(([name]) => name.endsWith("_old"))
      .map(([name, value]) => [name.slice(0, -"_old".length), value]),
  );
}

function changedOptions(command: Doc, collection: Collection): Doc {
  const unknown = Object.keys(command).find(
    (name) => !OPTIONS.includes(name) && !["collMod", "index"].includes(name) && !isGeneric(name),
  );
  if (unknown !== undefined) {
    throw unknownField("collMod", unknown);
  }
  const { changeStreamPreAndPostImages, timeseries, cappedSize } = command;
  refuseOtherKinds(command, collection);
  if (command["expireAfterSeconds"] !== "off") {
    checkExpiry(command["expireAfterSeconds"], collection.options);
  }
  checkValidation("collMod", command);
  checkImages(changeStreamPreAndPostImages, collection.options);
  const changes = Object.fromEntries(
    OPTIONS.filter((name) => command[name] !== undefined).map((name) => [
      RENAMED[name] ?? name,
      command[name],
    ]),
  );
  if (cappedSize !== undefined) {
    changes["size"] = roundedCap(cappedSize);
  }
  if (timeseries === undefined) {
    return changes;
  }
  if (!collection.timeSeries) {
    throw new MongoError(72, "option only supported on a time-series collection: timeseries");
  }
  return { ...changes, timeseries: regranulated(collection.timeSeries, timeseries) };
}

/** Options that only views or capped collections have. */
function refuseOtherKinds(command: Doc, { isView, options }: Collection): void {
  const ofViews = ["viewOn", "pipeline"].find((name) => command[name] !== undefined);
  if (ofViews !== undefined && !isView) {
    throw new MongoError(72, `option only supported on a view: ${ofViews}`);
  }
  const ofCapped = ["cappedSize", "cappedMax"].find((name) => command[name] !== undefined);
  if (ofCapped !== undefined && options["capped"] === undefined) {
    throw new MongoError(72, `option only supported on a capped collection: ${ofCapped}`);
  }
}

/** `expireAfterSeconds: "off"` takes the option away. */
function merged(options: Doc, changes: Doc): Doc {
  const after = { ...options, ...changes };
  return after["expireAfterSeconds"] === "off" ? omit(after, "expireAfterSeconds") : after;
}

function changeIndex(
  context: CommandContext,
  unit: WriteUnit,
  collection: Collection,
  wanted: Doc,
): Doc {
  const index = namedIndex(collection, wanted);
  const reply: Doc = {};
  let { spec } = index;
  if (wanted["expireAfterSeconds"] !== undefined) {
    spec = changeExpiry(spec, wanted["expireAfterSeconds"], reply);
  }
  for (const name of ["hidden", "prepareUnique"].filter((key) => wanted[key] !== undefined)) {
    const value = isTruthy(wanted[name]);
    if (name === "hidden" && index.isId) {
      throw new MongoError(2, "can't hide _id index");
    }
    reply[`${name}_old`] = spec[name] ?? false;
    reply[`${name}_new`] = value;
    spec = value ? { ...spec, [name]: true } : omit(spec, name);
  }
  if (isTruthy(wanted["unique"]) && !index.unique) {
    spec = uniqueSpec(spec);
    reply["unique_new"] = true;
  }
  context.engine.catalog.changeIndex(unit, collection, index, spec);
  return reply;
}

function namedIndex(collection: Collection, wanted: Doc): Index {
  const { name, keyPattern } = wanted;
  if ((name === undefined) === (keyPattern === undefined)) {
    throw new MongoError(72, "must specify either index name or key pattern, and not both");
  }
  if (!["expireAfterSeconds", "hidden", "prepareUnique", "unique"].some((key) => key in wanted)) {
    throw new MongoError(72, "no expireAfterSeconds, hidden, unique, or prepareUnique field");
  }
  const index = collection.indexes.find(({ name: other, spec }) =>
    name === undefined ? compareValues(spec["key"], keyPattern) === 0 : other === name,
  );
  if (!index) {
    throw new MongoError(27, `cannot find index ${textOf(name ?? "")} for ns ${collection.ns}`);
  }
  return index;
}

function changeExpiry(spec: Doc, wanted: unknown, reply: Doc): Doc {
  checkExpire(wanted, spec["key"] as Doc);
  const seconds = toNumber(wanted) as number;
  const before = toNumber(spec["expireAfterSeconds"]);
  if (before !== undefined) {
    reply["expireAfterSeconds_old"] = Long.fromNumber(before);
  }
  reply["expireAfterSeconds_new"] = Long.fromNumber(seconds);
  return { ...spec, expireAfterSeconds: wanted };
}

/** @see https://www.mongodb.com/docs/manual/reference/command/collMod/#convert-an-existing-index-to-a-unique-index */
function uniqueSpec(spec: Doc): Doc {
  if (spec["prepareUnique"] !== true) {
    throw new MongoError(
      72,
      "Cannot make index unique without 'prepareUnique=true'. Run collMod to set it first.",
    );
  }
  return { ...omit(spec, "prepareUnique"), unique: true };
}
