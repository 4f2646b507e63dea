import { Router } from "express";
import * as upload from "../controllers/upload.controller";
import { verifyJWT } from "../middlewares/auth.middleware";
import { loadOwnUpload } from "../middlewares/load.middleware";
import { nameTus, overrideMethod, readMetadata, requireTus } from "../middlewares/tus.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/upload.validation";

export const uploadRouter = Router();

uploadRouter.use(nameTus, overrideMethod);
uploadRouter
  .route("/")
  .post(verifyJWT, requireTus, readMetadata, validate(schema.createUpload), upload.createUpload);
uploadRouter
  .route("/:uploadId")
  .head(
    verifyJWT,
    requireTus,
    validate(schema.getUploadOffset),
    loadOwnUpload,
    upload.getUploadOffset,
  )
  .patch(verifyJWT, requireTus, validate(schema.resumeUpload), loadOwnUpload, upload.resumeUpload)
  .delete(
    verifyJWT,
    requireTus,
    validate(schema.terminateUpload),
    loadOwnUpload,
    upload.terminateUpload,
  );
