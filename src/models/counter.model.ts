import { Schema, model, type ClientSession, type Model } from "mongoose";

/** Totals that would cost a walk over an index to count. */
export type CounterName = "publishedVideos" | "tweets";

interface Counter {
  _id: CounterName;
  value: number;
}

interface CounterModel extends Model<Counter> {
  /** Changes a total together with the documents it counts. */
  add(name: CounterName, difference: number, session: ClientSession): Promise<void>;
  read(name: CounterName): Promise<number>;
}

const counterSchema = new Schema<Counter, CounterModel>({
  _id: { type: String, required: true },
  value: { type: Number, required: true, default: 0 },
});

counterSchema.statics.add = async function add(
  this: CounterModel,
  name: CounterName,
  difference: number,
  session: ClientSession,
) {
  if (difference !== 0) {
    await this.updateOne({ _id: name }, { $inc: { value: difference } }, { upsert: true, session });
  }
};

counterSchema.statics.read = async function read(this: CounterModel, name: CounterName) {
  return (await this.findById(name).lean())?.value ?? 0;
};

export const Counter = model<Counter, CounterModel>("Counter", counterSchema);
