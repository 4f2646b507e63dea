import { typeMismatch } from "../errors";
import { RawDocument } from "../bson/decode";
import type { Doc } from "../bson/values";
import { enforceCap } from "../catalog/capped";
import type { CommandContext } from "./context";
import { checkStatements, runStatements } from "./write-errors";

/** @see https://www.mongodb.com/docs/manual/reference/command/insert/ */
export async function insert(context: CommandContext): Promise<Doc> {
  const documents = context.array("documents").map((document) => {
    if (!(document instanceof RawDocument)) {
      throw typeMismatch("BSON field 'insert.documents' must hold objects only");
    }
    return document.bytes;
  });
  checkStatements("insert", documents);
  const bypass = context.flag("bypassDocumentValidation");
  return context.writeInto((unit, collection) => {
    let n = 0;
    const writeErrors = runStatements(context, documents, (bytes) => {
      collection.insert(unit, bytes, bypass);
      n++;
    });
    enforceCap(unit, collection);
    return writeErrors.length > 0 ? { n, writeErrors } : { n };
  });
}
