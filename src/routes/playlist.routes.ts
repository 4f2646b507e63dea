import { Router } from "express";
import * as playlist from "../controllers/playlist.controller";
import { optionalJWT, verifyJWT } from "../middlewares/auth.middleware";
import {
  loadChannel,
  loadOwnPlaylist,
  loadVisiblePlaylist,
  loadVisibleVideo,
} from "../middlewares/load.middleware";
import { upload } from "../middlewares/upload.middleware";
import { validate } from "../middlewares/validate.middleware";
import * as schema from "../validations/playlist.validation";

export const playlistRouter = Router();

playlistRouter
  .route("/")
  .post(
    verifyJWT,
    upload(schema.createPlaylist),
    validate(schema.createPlaylist),
    playlist.createPlaylist,
  );
playlistRouter
  .route("/user/:userId")
  .get(
    optionalJWT,
    validate(schema.getUserPlaylists),
    loadChannel("userId"),
    playlist.getUserPlaylists,
  );
playlistRouter
  .route("/add/:videoId/:playlistId")
  .patch(verifyJWT, loadOwnPlaylist, loadVisibleVideo, playlist.addVideoToPlaylist);
playlistRouter
  .route("/remove/:videoId/:playlistId")
  .patch(
    verifyJWT,
    loadOwnPlaylist,
    validate(schema.removeVideoFromPlaylist),
    playlist.removeVideoFromPlaylist,
  );
playlistRouter
  .route("/:playlistId/order")
  .patch(
    verifyJWT,
    loadOwnPlaylist,
    upload(schema.reorderPlaylist),
    validate(schema.reorderPlaylist),
    playlist.reorderPlaylist,
  );
playlistRouter
  .route("/:playlistId")
  .get(optionalJWT, loadVisiblePlaylist, playlist.getPlaylistById)
  .patch(
    verifyJWT,
    loadOwnPlaylist,
    upload(schema.updatePlaylist),
    validate(schema.updatePlaylist),
    playlist.updatePlaylist,
  )
  .delete(verifyJWT, loadOwnPlaylist, playlist.deletePlaylist);
