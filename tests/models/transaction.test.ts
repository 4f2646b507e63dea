import { Types } from "mongoose";
import { Subscription } from "../../src/models/subscription.model";
import { inTransaction } from "../../src/models/transaction";
import { User } from "../../src/models/user.model";
import { useApi } from "../support/api";
import { newPerson } from "../support/people";

useApi();

describe("transactions of one process", () => {
  it("take their turns in one order, so that those whose keys cross never wait for each other", async () => {
    const keys = ["one", "two", "three"];
    const orders = [keys, keys.toReversed(), ["two", "three", "one"], ["three", "one", "two"]];
    const outcomes = await Promise.all(
      orders.map((order) => inTransaction(order, () => Promise.resolve(order.length))),
    );
    expect(outcomes).toEqual([3, 3, 3, 3]);
  });

  it("let two people follow each other at the same moment", async () => {
    const [asha, ravi] = (await Promise.all([newPerson(), newPerson()])).map(
      ({ _id }) => new Types.ObjectId(_id),
    ) as [Types.ObjectId, Types.ObjectId];
    await Promise.all([Subscription.toggle(asha, ravi), Subscription.toggle(ravi, asha)]);
    for (const _id of [asha, ravi]) {
      const counts = { subscribersCount: 1, subscriptionsCount: 1 };
      expect(await User.findById(_id)).toMatchObject(counts);
    }
  });
});
