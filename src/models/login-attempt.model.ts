import { Schema, model } from "mongoose";

/** Failed logins by account and address; the fields are those that rate-limiter-flexible keeps. */
interface LoginAttempt {
  key: string;
  points: number;
  expire: Date;
}

const loginAttemptSchema = new Schema<LoginAttempt>({
  key: { type: String, required: true },
  points: { type: Number, required: true },
  expire: { type: Date },
});

loginAttemptSchema.index({ key: 1 }, { unique: true });
loginAttemptSchema.index({ expire: 1 }, { expireAfterSeconds: 0 });

export const LoginAttempt = model("LoginAttempt", loginAttemptSchema);
