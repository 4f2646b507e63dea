// Written by `npm run postman` from the OpenAPI document; do not edit.

export interface paths {
    "/users/change-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the password
         * @description Every other session of the user ends.
         */
        post: operations["changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/current-user": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own account */
        get: operations["getCurrentUser"];
        put?: never;
        post?: never;
        /** Delete one's account with all that is its, media too */
        delete: operations["deleteCurrentUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/sessions/{sessionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of one's own sessions */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/c/{username}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A channel's public profile */
        get: operations["getChannel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own sessions, the last used first */
        get: operations["getSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in
         * @description Sets the cookies `accessToken` and `refreshToken`. `username` may also hold the e-mail address.
         */
        post: operations["loginUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End this session
         * @description Takes either token, so that a client whose access token has expired can still sign out.
         */
        post: operations["logoutUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/refresh-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Trade the refresh token for a new pair
         * @description From the cookie `refreshToken` or the body. Each refresh token works once; within ten seconds it answers with the same successor again, later its use ends the session.
         */
        post: operations["refreshAccessToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create an account */
        post: operations["registerUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/update-account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change name or e-mail address */
        patch: operations["updateAccount"];
        trace?: never;
    };
    "/users/avatar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Replace the avatar */
        patch: operations["updateAvatar"];
        trace?: never;
    };
    "/users/cover-image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Replace the cover image */
        patch: operations["updateCoverImage"];
        trace?: never;
    };
    "/users/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The videos one has watched, last watched first, each once */
        get: operations["getWatchHistory"];
        put?: never;
        /** Put a video at the front of one's history */
        post: operations["addToWatchHistory"];
        /** Forget all one has watched */
        delete: operations["clearWatchHistory"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/history/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forget one video; one that is not in the history is no error */
        delete: operations["removeFromWatchHistory"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video; counts a view and moves it to the front of the viewer's history */
        get: operations["getVideoById"];
        put?: never;
        post?: never;
        /** Delete a video with all that hangs on it and its files */
        delete: operations["deleteVideo"];
        options?: never;
        head?: never;
        /** Change a video's details or thumbnail */
        patch: operations["updateVideo"];
        trace?: never;
    };
    "/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Published videos, searched and sorted; one's own unpublished ones too with `userId` = oneself */
        get: operations["getAllVideos"];
        put?: never;
        /**
         * Upload a video; it is playable at once
         * @description What adaptive playback needs is made afterwards: see `processing`. Repeated with the same `Idempotency-Key`, such as when an answer was lost, it makes no second video but answers the first.
         */
        post: operations["publishVideo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/related/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What to watch next: videos with the same tags, of the same channel, and new ones */
        get: operations["getRelatedVideos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}/view": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A player's progress report
         * @description Keeps the viewer's position and counts a view by the same rule as the video's page.
         */
        post: operations["recordView"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/toggle/publish/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Publish a video, or take it back */
        patch: operations["togglePublishStatus"];
        trace?: never;
    };
    "/videos/{videoId}/processing/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stop processing; the video stays playable as it was uploaded */
        post: operations["cancelProcessing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}/processing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far the processing of one's video is */
        get: operations["getProcessing"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}/processing/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The same as a live stream of server-sent events
         * @description Each event's data is the whole state as `GET …/processing` has it. The stream ends behind `ready` or `failed`; whoever comes back with the `Last-Event-ID` of that gets 204, which ends an EventSource.
         */
        get: operations["getProcessingEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}/processing/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try again what has failed */
        post: operations["retryProcessing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin a resumable upload of a video
         * @description Part of [tus 1.0.0](https://tus.io/protocols/resumable-upload), made for its clients: an upload goes on where it was cut off. `Upload-Metadata` carries the fields of `POST /videos` (title, description, tags, isPublished), Base64 each; other keys are dropped. The first piece may come along as the body.
         */
        post: operations["createUpload"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/uploads/{uploadId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Give up an upload; a video that it has become stays
         * @description Part of [tus 1.0.0](https://tus.io/protocols/resumable-upload), made for its clients: an upload goes on where it was cut off.
         */
        delete: operations["terminateUpload"];
        options?: never;
        /**
         * How much of an upload has arrived
         * @description Part of [tus 1.0.0](https://tus.io/protocols/resumable-upload), made for its clients: an upload goes on where it was cut off. Of a complete upload whose publishing was cut off this publishes the video.
         */
        head: operations["getUploadOffset"];
        /**
         * Send the next piece of an upload; the last one publishes the video
         * @description Part of [tus 1.0.0](https://tus.io/protocols/resumable-upload), made for its clients: an upload goes on where it was cut off. The last piece is answered when the file has been checked as `POST /videos` checks it; a file that is refused is removed with its upload.
         */
        patch: operations["resumeUpload"];
        trace?: never;
    };
    "/videos/{videoId}/captions/{language}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's captions in one language */
        get: operations["getCaptions"];
        /**
         * Upload a video's captions in one language, or replace them
         * @description Stored as clean WebVTT: comments and style sheets are dropped, SubRip is converted. A file that cannot be read is refused with the line that is wrong.
         */
        put: operations["putCaptions"];
        post?: never;
        /** Delete a video's captions in one language */
        delete: operations["deleteCaptions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/{videoId}/captions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A video's captions, by language */
        get: operations["getVideoCaptions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/comments/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The comments on a video; replies are read by thread */
        get: operations["getVideoComments"];
        put?: never;
        /**
         * Comment on a video, or reply to a comment
         * @description A reply to a reply joins the thread: `parent` is then the comment it began with.
         */
        post: operations["addComment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/comments/c/{commentId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete one's own comment, or one under one's own video; its replies go too */
        delete: operations["deleteComment"];
        options?: never;
        head?: never;
        /** Change one's own comment */
        patch: operations["updateComment"];
        trace?: never;
    };
    "/comments/replies/{commentId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The replies to a comment, in the order they were written */
        get: operations["getCommentReplies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/likes/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The videos one likes, last liked first */
        get: operations["getLikedVideos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/likes/toggle/c/{commentId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Like a comment, or take the like back */
        post: operations["toggleCommentLike"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/likes/toggle/t/{tweetId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Like a tweet, or take the like back */
        post: operations["toggleTweetLike"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/likes/toggle/v/{videoId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Like a video, or take the like back */
        post: operations["toggleVideoLike"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tweets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All tweets, newest first */
        get: operations["getAllTweets"];
        put?: never;
        /** Post a tweet */
        post: operations["createTweet"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tweets/{tweetId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete one's own tweet */
        delete: operations["deleteTweet"];
        options?: never;
        head?: never;
        /** Change one's own tweet */
        patch: operations["updateTweet"];
        trace?: never;
    };
    "/tweets/user/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tweets of a channel, newest first */
        get: operations["getUserTweets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlist/add/{videoId}/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Put a video at the end of a playlist; one that is in it stays where it is */
        patch: operations["addVideoToPlaylist"];
        trace?: never;
    };
    "/playlist": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a playlist */
        post: operations["createPlaylist"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlist/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A playlist with its videos in order
         * @description Videos that the viewer may not see are left out, and out of the totals too.
         */
        get: operations["getPlaylistById"];
        put?: never;
        post?: never;
        /** Delete a playlist; its videos stay */
        delete: operations["deletePlaylist"];
        options?: never;
        head?: never;
        /** Change a playlist's details */
        patch: operations["updatePlaylist"];
        trace?: never;
    };
    "/playlist/user/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The playlists of a channel, newest first; one's own private ones too */
        get: operations["getUserPlaylists"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlist/remove/{videoId}/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Take a video out of a playlist; one that is not in it is no error */
        patch: operations["removeVideoFromPlaylist"];
        trace?: never;
    };
    "/playlist/{playlistId}/order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Put a playlist's videos into another order */
        patch: operations["reorderPlaylist"];
        trace?: never;
    };
    "/subscriptions/u/{subscriberId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The channels that a user follows, newest first */
        get: operations["getSubscribedChannels"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscriptions/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The newest videos of the channels one follows */
        get: operations["getSubscribedVideos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscriptions/c/{channelId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who follows a channel, newest first */
        get: operations["getUserChannelSubscribers"];
        put?: never;
        /** Follow a channel, or stop following it */
        post: operations["toggleSubscription"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dashboard/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The totals of one's own channel */
        get: operations["getChannelStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dashboard/videos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own videos, unpublished ones too */
        get: operations["getChannelVideos"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/signed/{ticket}/videos/{videoId}/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A file of a video that is not published, for whoever was told this address
         * @description Byte ranges, `If-None-Match` and `If-Range` as RFC 9110 has them. The address comes from a user or a video; do not build it. It expires.
         */
        get: operations["getSignedVideoFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/signed/{ticket}/videos/{videoId}/{file}/{part}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A part of such a file */
        get: operations["getSignedVideoFilePart"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/users/{userId}/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * An avatar or a cover image
         * @description Byte ranges, `If-None-Match` and `If-Range` as RFC 9110 has them. The address comes from a user or a video; do not build it.
         */
        get: operations["getUserFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/videos/{videoId}/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A file of a published video: itself, its pictures, captions and playlists
         * @description Byte ranges, `If-None-Match` and `If-Range` as RFC 9110 has them. The address comes from a user or a video; do not build it.
         */
        get: operations["getVideoFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/media/videos/{videoId}/{file}/{part}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A segment of a stream, or the playlist of a caption file, as playlists name them */
        get: operations["getVideoFilePart"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthcheck": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers */
        get: operations["healthcheck"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthcheck/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Database and storage answer and every required index exists
         * @description What is missing stands in `errors`.
         */
        get: operations["readiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document as a page to browse and try */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/watch-history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The videos one has watched, last watched first, each once
         * @deprecated
         * @description Another spelling of `GET /users/history`.
         */
        get: operations["getWatchHistoryAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/update-avatar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Replace the avatar
         * @deprecated
         * @description Another spelling of `PATCH /users/avatar`.
         */
        patch: operations["updateAvatarAlias"];
        trace?: never;
    };
    "/users/update-cover-image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Replace the cover image
         * @deprecated
         * @description Another spelling of `PATCH /users/cover-image`.
         */
        patch: operations["updateCoverImageAlias"];
        trace?: never;
    };
    "/users/channel/{username}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A channel's public profile
         * @deprecated
         * @description Another spelling of `GET /users/c/:username`.
         */
        get: operations["getChannelAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/videos/user/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Published videos, searched and sorted; one's own unpublished ones too with `userId` = oneself
         * @deprecated
         * @description Another spelling of `GET /videos`.
         */
        get: operations["getAllVideosAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tweets/u/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The tweets of a channel, newest first
         * @deprecated
         * @description Another spelling of `GET /tweets/user/:userId`.
         */
        get: operations["getUserTweetsAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlists/add/{videoId}/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Put a video at the end of a playlist; one that is in it stays where it is
         * @deprecated
         * @description Another spelling of `PATCH /playlist/add/:videoId/:playlistId`.
         */
        patch: operations["addVideoToPlaylistAlias"];
        trace?: never;
    };
    "/playlists": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a playlist
         * @deprecated
         * @description Another spelling of `POST /playlist`.
         */
        post: operations["createPlaylistAlias"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlists/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A playlist with its videos in order
         * @deprecated
         * @description Another spelling of `GET /playlist/:playlistId`.
         */
        get: operations["getPlaylistByIdAlias"];
        put?: never;
        post?: never;
        /**
         * Delete a playlist; its videos stay
         * @deprecated
         * @description Another spelling of `DELETE /playlist/:playlistId`.
         */
        delete: operations["deletePlaylistAlias"];
        options?: never;
        head?: never;
        /**
         * Change a playlist's details
         * @deprecated
         * @description Another spelling of `PATCH /playlist/:playlistId`.
         */
        patch: operations["updatePlaylistAlias"];
        trace?: never;
    };
    "/playlists/user/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The playlists of a channel, newest first; one's own private ones too
         * @deprecated
         * @description Another spelling of `GET /playlist/user/:userId`.
         */
        get: operations["getUserPlaylistsAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/playlists/remove/{videoId}/{playlistId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Take a video out of a playlist; one that is not in it is no error
         * @deprecated
         * @description Another spelling of `PATCH /playlist/remove/:videoId/:playlistId`.
         */
        patch: operations["removeVideoFromPlaylistAlias"];
        trace?: never;
    };
    "/playlists/{playlistId}/order": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Put a playlist's videos into another order
         * @deprecated
         * @description Another spelling of `PATCH /playlist/:playlistId/order`.
         */
        patch: operations["reorderPlaylistAlias"];
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Failure: {
            statusCode: number;
            data: null;
            message: string;
            /** @enum {boolean} */
            success: false;
            errors: {
                path: string;
                message: string;
            }[];
            code: string;
            requestId: string;
        };
        Channel: {
            /** @example 66f0c0ffee0000000000a5a1 */
            _id: string;
            /** @example asha */
            username: string;
            /** @example Asha Rao */
            fullName: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
             */
            avatar: string;
            coverImage: string | "";
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /** @example 3 */
            subscribersCount: number;
            /** @example 3 */
            channelsSubscribedToCount: number;
            isSubscribed: boolean;
            /** @example 3 */
            videosCount: number;
            /** @example 3 */
            tweetsCount: number;
            /** @example 3 */
            totalViews: number;
        };
        OwnUser: {
            /** @example 66f0c0ffee0000000000a5a1 */
            _id: string;
            /** @example asha */
            username: string;
            /** @example Asha Rao */
            fullName: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
             */
            avatar: string;
            coverImage: string | "";
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /** @example asha@example.com */
            email: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        Session: {
            /** @example 66f0c0ffee0000000000c001 */
            _id: string;
            /**
             * @description The client's User-Agent at sign-in
             * @example Mozilla/5.0 (Android 15)
             */
            device: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            lastUsedAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            expiresAt: string;
            current: boolean;
        };
        Pagination: {
            /** @example 1 */
            totalDocs: number;
            /** @example 10 */
            limit: number;
            /** @example 1 */
            page: number | null;
            /** @example 1 */
            totalPages: number;
            /** @example 1 */
            pagingCounter: number | null;
            /** @example false */
            hasPrevPage: boolean;
            /** @example false */
            hasNextPage: boolean;
            /** @example null */
            prevPage: number | null;
            /** @example null */
            nextPage: number | null;
            /** @example null */
            nextCursor: string | null;
        };
        /** @description Absent where the server is set to hand out cookies only */
        Tokens: {
            /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
            accessToken?: string;
            /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
            refreshToken?: string;
        };
        WatchedVideo: {
            /** @example 66f0c0ffee0000000000b0b1 */
            _id: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4
             */
            videoFile: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp
             */
            thumbnail: string;
            /**
             * Format: uri
             * @description The master playlist for adaptive playback (RFC 8216); null until it is made
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8
             */
            hls: string | null;
            /** @description Still pictures in up to three widths */
            posters: components["schemas"]["Poster"][];
            /**
             * Format: uri
             * @description WebVTT whose cues are places in a sprite (Media Fragments, `#xywh=`)
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt
             */
            storyboard: string | null;
            /** @example A walk through Jaipur */
            title: string;
            /** @example From the palace to the bazaar, before the heat */
            description: string;
            /**
             * @description Seconds, read from the file
             * @example 734.5
             */
            duration: number;
            /** @example 3 */
            views: number;
            isPublished: boolean;
            /** @example 3 */
            likesCount: number;
            /** @example 3 */
            commentsCount: number;
            isLiked: boolean;
            /**
             * @example [
             *       "travel",
             *       "india"
             *     ]
             */
            tags: string[];
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            owner: components["schemas"]["Owner"];
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            watchedAt: string;
            /** @example 12.5 */
            position: number;
        };
        Poster: {
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg
             */
            url: string;
            /**
             * @example image/jpeg
             * @enum {string}
             */
            type: "image/jpeg" | "image/webp";
            /** @example 640 */
            width: number;
            /** @example 360 */
            height: number;
        };
        Owner: {
            /** @example 66f0c0ffee0000000000a5a1 */
            _id: string;
            /** @example asha */
            username: string;
            /** @example Asha Rao */
            fullName: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
             */
            avatar: string;
        };
        Video: {
            /** @example 66f0c0ffee0000000000b0b1 */
            _id: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4
             */
            videoFile: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp
             */
            thumbnail: string;
            /**
             * Format: uri
             * @description The master playlist for adaptive playback (RFC 8216); null until it is made
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8
             */
            hls: string | null;
            /** @description Still pictures in up to three widths */
            posters: components["schemas"]["Poster"][];
            /**
             * Format: uri
             * @description WebVTT whose cues are places in a sprite (Media Fragments, `#xywh=`)
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt
             */
            storyboard: string | null;
            /** @example A walk through Jaipur */
            title: string;
            /** @example From the palace to the bazaar, before the heat */
            description: string;
            /**
             * @description Seconds, read from the file
             * @example 734.5
             */
            duration: number;
            /** @example 3 */
            views: number;
            isPublished: boolean;
            /** @example 3 */
            likesCount: number;
            /** @example 3 */
            commentsCount: number;
            isLiked: boolean;
            /**
             * @example [
             *       "travel",
             *       "india"
             *     ]
             */
            tags: string[];
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            owner: components["schemas"]["Owner"];
        };
        VideoWithChannel: {
            /** @example 66f0c0ffee0000000000b0b1 */
            _id: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4
             */
            videoFile: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp
             */
            thumbnail: string;
            /**
             * Format: uri
             * @description The master playlist for adaptive playback (RFC 8216); null until it is made
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8
             */
            hls: string | null;
            /** @description Still pictures in up to three widths */
            posters: components["schemas"]["Poster"][];
            /**
             * Format: uri
             * @description WebVTT whose cues are places in a sprite (Media Fragments, `#xywh=`)
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt
             */
            storyboard: string | null;
            /** @example A walk through Jaipur */
            title: string;
            /** @example From the palace to the bazaar, before the heat */
            description: string;
            /**
             * @description Seconds, read from the file
             * @example 734.5
             */
            duration: number;
            /** @example 3 */
            views: number;
            isPublished: boolean;
            /** @example 3 */
            likesCount: number;
            /** @example 3 */
            commentsCount: number;
            isLiked: boolean;
            /**
             * @example [
             *       "travel",
             *       "india"
             *     ]
             */
            tags: string[];
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            owner: {
                /** @example 66f0c0ffee0000000000a5a1 */
                _id: string;
                /** @example asha */
                username: string;
                /** @example Asha Rao */
                fullName: string;
                /**
                 * Format: uri
                 * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
                 */
                avatar: string;
                /** @example 3 */
                subscribersCount: number;
                isSubscribed: boolean;
            };
            processing?: components["schemas"]["Processing"];
            captions: components["schemas"]["Captions"][];
            /** @description From the timestamps in the description */
            chapters: components["schemas"]["Chapter"][];
        };
        /** @description For the owner alone */
        Processing: {
            /**
             * @example processing
             * @enum {string}
             */
            state: "queued" | "processing" | "ready" | "failed";
            steps: {
                /**
                 * @example renditions
                 * @enum {string}
                 */
                name: "inspect" | "posters" | "storyboard" | "renditions" | "store";
                /**
                 * @example processing
                 * @enum {string}
                 */
                state: "queued" | "processing" | "ready" | "failed";
                /** @example 0.42 */
                progress: number;
            }[];
            /**
             * @description Why it failed; the code is stable
             * @example null
             */
            error: {
                /** @example MEDIA_UNREADABLE */
                code: string;
                /** @example The video cannot be converted */
                message: string;
            } | null;
        };
        Captions: {
            /**
             * @description BCP 47
             * @example en
             */
            language: string;
            /** @example English */
            label: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt
             */
            url: string;
        };
        Chapter: {
            /**
             * @description Seconds
             * @example 150
             */
            start: number;
            /**
             * @description Seconds
             * @example 734.5
             */
            end: number;
            /** @example The bazaar */
            title: string;
        };
        Comment: {
            /** @example 66f0c0ffee0000000000d1d1 */
            _id: string;
            /** @example What a light! */
            content: string;
            /** @example 66f0c0ffee0000000000b0b1 */
            video: string;
            owner: components["schemas"]["Owner"];
            /** @example null */
            parent: string | null;
            /** @example 3 */
            likesCount: number;
            /** @example 3 */
            repliesCount: number;
            isLiked: boolean;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        Liked: {
            isLiked: boolean;
            /** @example 3 */
            likesCount: number;
        };
        Tweet: {
            /** @example 66f0c0ffee0000000000e2e2 */
            _id: string;
            /** @example New walk on Friday */
            content: string;
            owner: components["schemas"]["Owner"];
            /** @example 3 */
            likesCount: number;
            isLiked: boolean;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
        };
        Playlist: {
            /** @example 66f0c0ffee0000000000f3f3 */
            _id: string;
            /** @example Sunday walks */
            name: string;
            /** @example Slow ones, with sound */
            description: string;
            owner: components["schemas"]["Owner"];
            isPublic: boolean;
            /** @example 3 */
            totalVideos: number;
            /** @example 3 */
            totalViews: number;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            videos: components["schemas"]["Video"][];
        };
        PlaylistInList: {
            /** @example 66f0c0ffee0000000000f3f3 */
            _id: string;
            /** @example Sunday walks */
            name: string;
            /** @example Slow ones, with sound */
            description: string;
            owner: components["schemas"]["Owner"];
            isPublic: boolean;
            /** @example 3 */
            totalVideos: number;
            /** @example 3 */
            totalViews: number;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            updatedAt: string;
            /** @description Ids only; the playlist itself has the videos */
            videos: string[];
            /** @description Of the first video; empty when there is none */
            thumbnail: string | "";
        };
        FollowedChannel: {
            /** @example 66f0c0ffee0000000000a5a1 */
            _id: string;
            /** @example asha */
            username: string;
            /** @example Asha Rao */
            fullName: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
             */
            avatar: string;
            coverImage: string | "";
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /** @example 3 */
            subscribersCount: number;
            latestVideo: components["schemas"]["Video"] | null;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            subscribedAt: string;
        };
        Subscriber: {
            /** @example 66f0c0ffee0000000000a5a1 */
            _id: string;
            /** @example asha */
            username: string;
            /** @example Asha Rao */
            fullName: string;
            /**
             * Format: uri
             * @example http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp
             */
            avatar: string;
            coverImage: string | "";
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            createdAt: string;
            /** @example 3 */
            subscribersCount: number;
            /** @description Whether the viewer follows this user */
            isSubscribed: boolean;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            subscribedAt: string;
        };
        ChannelStats: {
            /**
             * @description Unpublished ones too
             * @example 3
             */
            totalVideos: number;
            /** @example 3 */
            totalViews: number;
            /** @example 3 */
            totalSubscribers: number;
            /**
             * @description Of one's videos
             * @example 3
             */
            totalLikes: number;
            /**
             * @description On one's videos, with replies
             * @example 3
             */
            totalComments: number;
            /** @example 3 */
            totalTweets: number;
            /** @example 3 */
            totalPlaylists: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "oldPassword": "correct horse battery",
                 *       "newPassword": "correct horse battery staple"
                 *     }
                 */
                "application/json": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    oldPassword: string;
                    /**
                     * Format: password
                     * @example correct horse battery staple
                     */
                    newPassword: string;
                };
                /**
                 * @example {
                 *       "oldPassword": "correct horse battery",
                 *       "newPassword": "correct horse battery staple"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    oldPassword: string;
                    /**
                     * Format: password
                     * @example correct horse battery staple
                     */
                    newPassword: string;
                };
                /**
                 * @example {
                 *       "oldPassword": "correct horse battery",
                 *       "newPassword": "correct horse battery staple"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    oldPassword: string;
                    /**
                     * Format: password
                     * @example correct horse battery staple
                     */
                    newPassword: string;
                };
            };
        };
        responses: {
            /** @description Password changed successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Password changed successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Password changed successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_OLD_PASSWORD` Invalid old password
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getCurrentUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Current user fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Current user fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Current user fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteCurrentUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
                /**
                 * @example {
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
                /**
                 * @example {
                 *       "password": "correct horse battery"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
            };
        };
        responses: {
            /** @description Account deleted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Account deleted",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Account deleted */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_PASSWORD` The password is not right
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000c001 */
                sessionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Session ended */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Session ended",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Session ended */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `SESSION_NOT_FOUND` Session not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getChannel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example asha */
                username: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description User channel fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "subscribersCount": 3,
                     *         "channelsSubscribedToCount": 3,
                     *         "isSubscribed": true,
                     *         "videosCount": 3,
                     *         "tweetsCount": 3,
                     *         "totalViews": 3
                     *       },
                     *       "message": "User channel fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Channel"];
                        /** @example User channel fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSessions: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sessions fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000c001",
                     *           "device": "Mozilla/5.0 (Android 15)",
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "lastUsedAt": "2026-01-31T12:00:00.000Z",
                     *           "expiresAt": "2026-01-31T12:00:00.000Z",
                     *           "current": true
                     *         }
                     *       ],
                     *       "message": "Sessions fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Session"][];
                        /** @example Sessions fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    loginUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "username": "asha",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/json": {
                    /** @example asha */
                    username?: string;
                    email?: string;
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
                /**
                 * @example {
                 *       "username": "asha",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example asha */
                    username?: string;
                    email?: string;
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
                /**
                 * @example {
                 *       "username": "asha",
                 *       "password": "correct horse battery"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example asha */
                    username?: string;
                    email?: string;
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                };
            };
        };
        responses: {
            /** @description User logged in successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "user": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "email": "asha@example.com",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z"
                     *         },
                     *         "accessToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl",
                     *         "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                     *       },
                     *       "message": "User logged in successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            user: components["schemas"]["OwnUser"];
                            /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                            accessToken?: string;
                            /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                            refreshToken?: string;
                        };
                        /** @example User logged in successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INVALID_CREDENTIALS` Invalid credentials */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `TOO_MANY_LOGIN_ATTEMPTS` Too many failed logins, please try again later
             *
             *     `TOO_MANY_REQUESTS` Too many requests, please slow down
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `SERVER_BUSY` The server is busy, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    logoutUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "application/json": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
            };
        };
        responses: {
            /** @description User logged out */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "User logged out",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example User logged out */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    refreshAccessToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "application/json": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
                /**
                 * @example {
                 *       "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl */
                    refreshToken?: string | null;
                };
            };
        };
        responses: {
            /** @description Access token refreshed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "accessToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl",
                     *         "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI2NmYwIn0.c2lnbmF0dXJl"
                     *       },
                     *       "message": "Access token refreshed",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Tokens"];
                        /** @example Access token refreshed */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `INVALID_REFRESH_TOKEN` Invalid refresh token
             *
             *     `REFRESH_TOKEN_EXPIRED` Refresh token expired: jwt expired
             *
             *     `REFRESH_TOKEN_REUSED` Refresh token is used already; the session has ended
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    registerUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "fullName": "Asha Rao",
                 *       "email": "asha@example.com",
                 *       "username": "asha",
                 *       "password": "correct horse battery",
                 *       "avatar": "image.png",
                 *       "coverImage": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Asha Rao */
                    fullName: string;
                    /**
                     * Format: email
                     * @example asha@example.com
                     */
                    email: string;
                    /** @example asha */
                    username: string;
                    /**
                     * Format: password
                     * @example correct horse battery
                     */
                    password: string;
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    avatar: Blob;
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    coverImage?: Blob;
                };
            };
        };
        responses: {
            /** @description User registered successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "User registered successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["OwnUser"];
                        /** @example User registered successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `USER_EXISTS` User with this email or username already exists */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PAYLOAD_TOO_LARGE` The body is larger than allowed
             *
             *     `FILE_TOO_LARGE` The file is larger than allowed
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported
             *
             *     `MEDIA_UNSUPPORTED` This kind of file is not supported
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "fullName": "Asha Rao",
                 *       "email": "asha@example.com"
                 *     }
                 */
                "application/json": {
                    /** @example Asha Rao */
                    fullName?: string;
                    /**
                     * Format: email
                     * @example asha@example.com
                     */
                    email?: string;
                };
                /**
                 * @example {
                 *       "fullName": "Asha Rao",
                 *       "email": "asha@example.com"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example Asha Rao */
                    fullName?: string;
                    /**
                     * Format: email
                     * @example asha@example.com
                     */
                    email?: string;
                };
                /**
                 * @example {
                 *       "fullName": "Asha Rao",
                 *       "email": "asha@example.com"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Asha Rao */
                    fullName?: string;
                    /**
                     * Format: email
                     * @example asha@example.com
                     */
                    email?: string;
                };
            };
        };
        responses: {
            /** @description Account details updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Account details updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Account details updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `EMAIL_TAKEN` This email is taken */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateAvatar: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "avatar": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    avatar: Blob;
                };
            };
        };
        responses: {
            /** @description Avatar updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Avatar updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Avatar updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNSUPPORTED` This kind of file is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateCoverImage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "coverImage": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    coverImage: Blob;
                };
            };
        };
        responses: {
            /** @description Cover image updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Cover image updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Cover image updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNSUPPORTED` This kind of file is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWatchHistory: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Watch history fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000b0b1",
                     *           "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *           "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *           "posters": [
                     *             {
                     *               "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *               "type": "image/jpeg",
                     *               "width": 640,
                     *               "height": 360
                     *             }
                     *           ],
                     *           "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *           "title": "A walk through Jaipur",
                     *           "description": "From the palace to the bazaar, before the heat",
                     *           "duration": 734.5,
                     *           "views": 3,
                     *           "isPublished": true,
                     *           "likesCount": 3,
                     *           "commentsCount": 3,
                     *           "isLiked": true,
                     *           "tags": [
                     *             "travel",
                     *             "india"
                     *           ],
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "watchedAt": "2026-01-31T12:00:00.000Z",
                     *           "position": 12.5
                     *         }
                     *       ],
                     *       "message": "Watch history fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["WatchedVideo"][];
                        /** @example Watch history fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    addToWatchHistory: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "videoId": "66f0c0ffee0000000000b0b1",
                 *       "position": 12.5
                 *     }
                 */
                "application/json": {
                    /** @example 66f0c0ffee0000000000b0b1 */
                    videoId: string;
                    /** @example 12.5 */
                    position?: number;
                };
                /**
                 * @example {
                 *       "videoId": "66f0c0ffee0000000000b0b1",
                 *       "position": 12.5
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example 66f0c0ffee0000000000b0b1 */
                    videoId: string;
                    /** @example 12.5 */
                    position?: number;
                };
                /**
                 * @example {
                 *       "videoId": "66f0c0ffee0000000000b0b1",
                 *       "position": 12.5
                 *     }
                 */
                "multipart/form-data": {
                    /** @example 66f0c0ffee0000000000b0b1 */
                    videoId: string;
                    /** @example 12.5 */
                    position?: number;
                };
            };
        };
        responses: {
            /** @description Video added to watch history */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "videoId": "66f0c0ffee0000000000b0b1",
                     *         "watchedAt": "2026-01-31T12:00:00.000Z",
                     *         "position": 12.5
                     *       },
                     *       "message": "Video added to watch history",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @example 66f0c0ffee0000000000b0b1 */
                            videoId: string;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            watchedAt: string;
                            /** @example 12.5 */
                            position: number;
                        };
                        /** @example Video added to watch history */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    clearWatchHistory: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Watch history cleared successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Watch history cleared successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Watch history cleared successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    removeFromWatchHistory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video removed from watch history */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Video removed from watch history",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Video removed from watch history */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getVideoById: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000b0b1",
                     *         "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *         "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *         "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *         "posters": [
                     *           {
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *             "type": "image/jpeg",
                     *             "width": 640,
                     *             "height": 360
                     *           }
                     *         ],
                     *         "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *         "title": "A walk through Jaipur",
                     *         "description": "From the palace to the bazaar, before the heat",
                     *         "duration": 734.5,
                     *         "views": 3,
                     *         "isPublished": true,
                     *         "likesCount": 3,
                     *         "commentsCount": 3,
                     *         "isLiked": true,
                     *         "tags": [
                     *           "travel",
                     *           "india"
                     *         ],
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "subscribersCount": 3,
                     *           "isSubscribed": true
                     *         },
                     *         "processing": {
                     *           "state": "processing",
                     *           "steps": [
                     *             {
                     *               "name": "renditions",
                     *               "state": "processing",
                     *               "progress": 0.42
                     *             }
                     *           ],
                     *           "error": null
                     *         },
                     *         "captions": [
                     *           {
                     *             "language": "en",
                     *             "label": "English",
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *           }
                     *         ],
                     *         "chapters": [
                     *           {
                     *             "start": 150,
                     *             "end": 734.5,
                     *             "title": "The bazaar"
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["VideoWithChannel"];
                        /** @example Video fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteVideo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "videoId": "66f0c0ffee0000000000b0b1"
                     *       },
                     *       "message": "Video deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @example 66f0c0ffee0000000000b0b1 */
                            videoId: string;
                        };
                        /** @example Video deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateVideo: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "title": "A walk through Jaipur",
                 *       "description": "From the palace to the bazaar, before the heat",
                 *       "tags": [
                 *         "travel",
                 *         "india"
                 *       ],
                 *       "isPublished": true
                 *     }
                 */
                "application/json": {
                    /** @example A walk through Jaipur */
                    title?: string;
                    /** @example From the palace to the bazaar, before the heat */
                    description?: string;
                    /**
                     * @description In forms: repeated, or separated by commas
                     * @example [
                     *       "travel",
                     *       "india"
                     *     ]
                     */
                    tags?: string[];
                    /** @example true */
                    isPublished?: boolean;
                };
                /**
                 * @example {
                 *       "title": "A walk through Jaipur",
                 *       "description": "From the palace to the bazaar, before the heat",
                 *       "tags": [
                 *         "travel",
                 *         "india"
                 *       ],
                 *       "isPublished": true
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example A walk through Jaipur */
                    title?: string;
                    /** @example From the palace to the bazaar, before the heat */
                    description?: string;
                    /**
                     * @description In forms: repeated, or separated by commas
                     * @example [
                     *       "travel",
                     *       "india"
                     *     ]
                     */
                    tags?: string[];
                    /** @example true */
                    isPublished?: boolean;
                };
                /**
                 * @example {
                 *       "title": "A walk through Jaipur",
                 *       "description": "From the palace to the bazaar, before the heat",
                 *       "tags": [
                 *         "travel",
                 *         "india"
                 *       ],
                 *       "isPublished": true,
                 *       "thumbnail": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example A walk through Jaipur */
                    title?: string;
                    /** @example From the palace to the bazaar, before the heat */
                    description?: string;
                    /**
                     * @description In forms: repeated, or separated by commas
                     * @example [
                     *       "travel",
                     *       "india"
                     *     ]
                     */
                    tags?: string[];
                    /** @example true */
                    isPublished?: boolean;
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF; taken from the video when absent
                     * @example image.png
                     */
                    thumbnail?: Blob;
                };
            };
        };
        responses: {
            /** @description Video updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000b0b1",
                     *         "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *         "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *         "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *         "posters": [
                     *           {
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *             "type": "image/jpeg",
                     *             "width": 640,
                     *             "height": 360
                     *           }
                     *         ],
                     *         "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *         "title": "A walk through Jaipur",
                     *         "description": "From the palace to the bazaar, before the heat",
                     *         "duration": 734.5,
                     *         "views": 3,
                     *         "isPublished": true,
                     *         "likesCount": 3,
                     *         "commentsCount": 3,
                     *         "isLiked": true,
                     *         "tags": [
                     *           "travel",
                     *           "india"
                     *         ],
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "subscribersCount": 3,
                     *           "isSubscribed": true
                     *         },
                     *         "processing": {
                     *           "state": "processing",
                     *           "steps": [
                     *             {
                     *               "name": "renditions",
                     *               "state": "processing",
                     *               "progress": 0.42
                     *             }
                     *           ],
                     *           "error": null
                     *         },
                     *         "captions": [
                     *           {
                     *             "language": "en",
                     *             "label": "English",
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *           }
                     *         ],
                     *         "chapters": [
                     *           {
                     *             "start": 150,
                     *             "end": 734.5,
                     *             "title": "The bazaar"
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["VideoWithChannel"];
                        /** @example Video updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PAYLOAD_TOO_LARGE` The body is larger than allowed
             *
             *     `FILE_TOO_LARGE` The file is larger than allowed
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported
             *
             *     `MEDIA_UNSUPPORTED` This kind of file is not supported
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAllVideos: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
                /** @description Words to find in title, description and tags */
                query?: string;
                sortBy?: "createdAt" | "views" | "duration" | "title" | "relevance";
                sortType?: "asc" | "desc";
                userId?: string;
                tag?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Videos fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Video"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    publishVideo: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new one for each video, such as a UUID */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "title": "A walk through Jaipur",
                 *       "description": "From the palace to the bazaar, before the heat",
                 *       "tags": [
                 *         "travel",
                 *         "india"
                 *       ],
                 *       "isPublished": true,
                 *       "videoFile": "clip.mp4",
                 *       "thumbnail": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example A walk through Jaipur */
                    title: string;
                    /**
                     * @default
                     * @example From the palace to the bazaar, before the heat
                     */
                    description?: string;
                    /**
                     * @description In forms: repeated, or separated by commas
                     * @example [
                     *       "travel",
                     *       "india"
                     *     ]
                     */
                    tags?: string[];
                    /** @example true */
                    isPublished?: boolean;
                    /**
                     * Format: binary
                     * @description MP4, MOV, WebM or Matroska
                     * @example clip.mp4
                     */
                    videoFile: Blob;
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF; taken from the video when absent
                     * @example image.png
                     */
                    thumbnail?: Blob;
                };
            };
        };
        responses: {
            /** @description Video published successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000b0b1",
                     *         "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *         "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *         "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *         "posters": [
                     *           {
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *             "type": "image/jpeg",
                     *             "width": 640,
                     *             "height": 360
                     *           }
                     *         ],
                     *         "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *         "title": "A walk through Jaipur",
                     *         "description": "From the palace to the bazaar, before the heat",
                     *         "duration": 734.5,
                     *         "views": 3,
                     *         "isPublished": true,
                     *         "likesCount": 3,
                     *         "commentsCount": 3,
                     *         "isLiked": true,
                     *         "tags": [
                     *           "travel",
                     *           "india"
                     *         ],
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "subscribersCount": 3,
                     *           "isSubscribed": true
                     *         },
                     *         "processing": {
                     *           "state": "processing",
                     *           "steps": [
                     *             {
                     *               "name": "renditions",
                     *               "state": "processing",
                     *               "progress": 0.42
                     *             }
                     *           ],
                     *           "error": null
                     *         },
                     *         "captions": [
                     *           {
                     *             "language": "en",
                     *             "label": "English",
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *           }
                     *         ],
                     *         "chapters": [
                     *           {
                     *             "start": 150,
                     *             "end": 734.5,
                     *             "title": "The bazaar"
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video published successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["VideoWithChannel"];
                        /** @example Video published successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `QUOTA_EXCEEDED` There is no room left in your account
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_REMOVED` The video of this Idempotency-Key has just been deleted */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PAYLOAD_TOO_LARGE` The body is larger than allowed
             *
             *     `FILE_TOO_LARGE` The file is larger than allowed
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported
             *
             *     `MEDIA_UNSUPPORTED` This kind of file is not supported
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `TOO_MANY_UPLOADS` Too many uploads at once
             *
             *     `TOO_MANY_REQUESTS` Too many requests, please slow down
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `STORAGE_FULL` There is no room left for this file */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getRelatedVideos: {
        parameters: {
            query?: {
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Related videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000b0b1",
                     *           "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *           "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *           "posters": [
                     *             {
                     *               "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *               "type": "image/jpeg",
                     *               "width": 640,
                     *               "height": 360
                     *             }
                     *           ],
                     *           "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *           "title": "A walk through Jaipur",
                     *           "description": "From the palace to the bazaar, before the heat",
                     *           "duration": 734.5,
                     *           "views": 3,
                     *           "isPublished": true,
                     *           "likesCount": 3,
                     *           "commentsCount": 3,
                     *           "isLiked": true,
                     *           "tags": [
                     *             "travel",
                     *             "india"
                     *           ],
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           }
                     *         }
                     *       ],
                     *       "message": "Related videos fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Video"][];
                        /** @example Related videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    recordView: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "position": 12.5,
                 *       "watched": 12.5
                 *     }
                 */
                "application/json": {
                    /** @example 12.5 */
                    position?: number;
                    /** @example 12.5 */
                    watched?: number;
                };
                /**
                 * @example {
                 *       "position": 12.5,
                 *       "watched": 12.5
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example 12.5 */
                    position?: number;
                    /** @example 12.5 */
                    watched?: number;
                };
                /**
                 * @example {
                 *       "position": 12.5,
                 *       "watched": 12.5
                 *     }
                 */
                "multipart/form-data": {
                    /** @example 12.5 */
                    position?: number;
                    /** @example 12.5 */
                    watched?: number;
                };
            };
        };
        responses: {
            /** @description View recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "views": 3
                     *       },
                     *       "message": "View recorded",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @example 3 */
                            views: number;
                        };
                        /** @example View recorded */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    togglePublishStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video publish status toggled successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000b0b1",
                     *         "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *         "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *         "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *         "posters": [
                     *           {
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *             "type": "image/jpeg",
                     *             "width": 640,
                     *             "height": 360
                     *           }
                     *         ],
                     *         "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *         "title": "A walk through Jaipur",
                     *         "description": "From the palace to the bazaar, before the heat",
                     *         "duration": 734.5,
                     *         "views": 3,
                     *         "isPublished": true,
                     *         "likesCount": 3,
                     *         "commentsCount": 3,
                     *         "isLiked": true,
                     *         "tags": [
                     *           "travel",
                     *           "india"
                     *         ],
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "subscribersCount": 3,
                     *           "isSubscribed": true
                     *         },
                     *         "processing": {
                     *           "state": "processing",
                     *           "steps": [
                     *             {
                     *               "name": "renditions",
                     *               "state": "processing",
                     *               "progress": 0.42
                     *             }
                     *           ],
                     *           "error": null
                     *         },
                     *         "captions": [
                     *           {
                     *             "language": "en",
                     *             "label": "English",
                     *             "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *           }
                     *         ],
                     *         "chapters": [
                     *           {
                     *             "start": 150,
                     *             "end": 734.5,
                     *             "title": "The bazaar"
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video publish status toggled successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["VideoWithChannel"];
                        /** @example Video publish status toggled successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    cancelProcessing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Processing cancelled */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "state": "processing",
                     *         "steps": [
                     *           {
                     *             "name": "renditions",
                     *             "state": "processing",
                     *             "progress": 0.42
                     *           }
                     *         ],
                     *         "error": null
                     *       },
                     *       "message": "Processing cancelled",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Processing"];
                        /** @example Processing cancelled */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PROCESSING_ENDED` Processing has ended already */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getProcessing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Processing fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "state": "processing",
                     *         "steps": [
                     *           {
                     *             "name": "renditions",
                     *             "state": "processing",
                     *             "progress": 0.42
                     *           }
                     *         ],
                     *         "error": null
                     *       },
                     *       "message": "Processing fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Processing"];
                        /** @example Processing fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FORBIDDEN` This belongs to someone else */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getProcessingEvents: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The same as a live stream of server-sent events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FORBIDDEN` This belongs to someone else */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    retryProcessing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Processing starts again */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "state": "processing",
                     *         "steps": [
                     *           {
                     *             "name": "renditions",
                     *             "state": "processing",
                     *             "progress": 0.42
                     *           }
                     *         ],
                     *         "error": null
                     *       },
                     *       "message": "Processing starts again",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Processing"];
                        /** @example Processing starts again */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PROCESSING_NOT_FAILED` Only processing that has failed can be repeated */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    createUpload: {
        parameters: {
            query?: never;
            header: {
                /** @example 1.0.0 */
                "Tus-Resumable": string;
                /** @example 12086 */
                "Upload-Length": string;
                "Upload-Metadata"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example clip.mp4 */
                "application/offset+octet-stream": Blob;
            };
        };
        responses: {
            /** @description Upload created */
            201: {
                headers: {
                    /** @description Of the upload, for HEAD, PATCH and DELETE */
                    Location?: string;
                    /** @description Bytes that have arrived */
                    "Upload-Offset"?: string;
                    /** @description When an unfinished upload is removed */
                    "Upload-Expires"?: string;
                    /** @description Of the video, when the upload is complete */
                    "X-Video-Id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b",
                     *         "offset": 0,
                     *         "size": 12086,
                     *         "expiresAt": "2026-01-31T12:00:00.000Z",
                     *         "video": "66f0c0ffee0000000000b0b1"
                     *       },
                     *       "message": "Upload created",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: {
                            /** @example 7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b */
                            _id: string;
                            /** @example 0 */
                            offset: number;
                            /** @example 12086 */
                            size: number;
                            /**
                             * Format: date-time
                             * @example 2026-01-31T12:00:00.000Z
                             */
                            expiresAt: string;
                            /**
                             * @description Null until the upload is complete
                             * @example 66f0c0ffee0000000000b0b1
                             */
                            video: string | null;
                        };
                        /** @example Upload created */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `QUOTA_EXCEEDED` There is no room left in your account
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TUS_VERSION_UNSUPPORTED` Only version 1.0.0 of the tus protocol is spoken here */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNSUPPORTED` This kind of file is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `TOO_MANY_UPLOADS` Too many uploads at once
             *
             *     `TOO_MANY_REQUESTS` Too many requests, please slow down
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `STORAGE_FULL` There is no room left for this file */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    terminateUpload: {
        parameters: {
            query?: never;
            header: {
                /** @example 1.0.0 */
                "Tus-Resumable": string;
            };
            path: {
                /** @example 7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Give up an upload; a video that it has become stays */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` Upload not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_EXPIRED` The upload was not finished in time */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TUS_VERSION_UNSUPPORTED` Only version 1.0.0 of the tus protocol is spoken here */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_LOCKED` Another request works on this upload, please try again in a moment */
            423: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUploadOffset: {
        parameters: {
            query?: never;
            header: {
                /** @example 1.0.0 */
                "Tus-Resumable": string;
            };
            path: {
                /** @example 7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How much of an upload has arrived */
            200: {
                headers: {
                    /** @description Bytes that have arrived */
                    "Upload-Offset"?: string;
                    /** @description Bytes of the whole file */
                    "Upload-Length"?: string;
                    /** @description As it was sent, unknown keys left out */
                    "Upload-Metadata"?: string;
                    /** @description Of the video, when the upload is complete */
                    "X-Video-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` Upload not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_EXPIRED` The upload was not finished in time */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TUS_VERSION_UNSUPPORTED` Only version 1.0.0 of the tus protocol is spoken here */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_LOCKED` Another request works on this upload, please try again in a moment */
            423: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    resumeUpload: {
        parameters: {
            query?: never;
            header: {
                /** @example 1.0.0 */
                "Tus-Resumable": string;
                /** @example 0 */
                "Upload-Offset": string;
            };
            path: {
                /** @example 7d8f1c0a9be24f5d8c3b6a1e0f2d4c5b */
                uploadId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /** @example clip.mp4 */
                "application/offset+octet-stream": Blob;
            };
        };
        responses: {
            /** @description Send the next piece of an upload; the last one publishes the video */
            204: {
                headers: {
                    /** @description Bytes that have arrived */
                    "Upload-Offset"?: string;
                    /** @description When an unfinished upload is removed */
                    "Upload-Expires"?: string;
                    /** @description Of the video, when the upload is complete */
                    "X-Video-Id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `QUOTA_EXCEEDED` There is no room left in your account
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_NOT_FOUND` Upload not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_OFFSET_CONFLICT` The upload has another offset */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_EXPIRED` The upload was not finished in time */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TUS_VERSION_UNSUPPORTED` Only version 1.0.0 of the tus protocol is spoken here */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported
             *
             *     `MEDIA_UNSUPPORTED` This kind of file is not supported
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UPLOAD_LOCKED` Another request works on this upload, please try again in a moment */
            423: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `STORAGE_FULL` There is no room left for this file */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getCaptions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /**
                 * @description BCP 47; `EN-us` is `en-US`
                 * @example en
                 */
                language: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Captions fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "language": "en",
                     *         "label": "English",
                     *         "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *       },
                     *       "message": "Captions fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Captions"];
                        /** @example Captions fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `VIDEO_NOT_FOUND` Video not found
             *
             *     `CAPTIONS_NOT_FOUND` The video has no captions in this language
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    putCaptions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /**
                 * @description BCP 47; `EN-us` is `en-US`
                 * @example en
                 */
                language: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "label": "English",
                 *       "captions": "captions.srt"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * @description What viewers choose them by; the language's English name when absent
                     * @example English
                     */
                    label?: string;
                    /**
                     * Format: binary
                     * @description WebVTT or SubRip in UTF-8, 1 MB at most
                     * @example captions.srt
                     */
                    captions: Blob;
                };
            };
        };
        responses: {
            /** @description Captions replaced successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "language": "en",
                     *         "label": "English",
                     *         "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *       },
                     *       "message": "Captions replaced successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Captions"];
                        /** @example Captions replaced successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description Captions added successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "language": "en",
                     *         "label": "English",
                     *         "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *       },
                     *       "message": "Captions added successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Captions"];
                        /** @example Captions added successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `CAPTIONS_FULL` The video has captions in as many languages as it may have
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PAYLOAD_TOO_LARGE` The body is larger than allowed
             *
             *     `FILE_TOO_LARGE` The file is larger than allowed
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CAPTIONS_UNREADABLE` The file is not WebVTT or SubRip that can be read
             *
             *     `CAPTIONS_EMPTY` The file has no captions
             *
             *     `CAPTIONS_TOO_MANY_CUES` The file has too many captions
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `STORAGE_FULL` There is no room left for this file */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteCaptions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /**
                 * @description BCP 47; `EN-us` is `en-US`
                 * @example en
                 */
                language: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Captions deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Captions deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Captions deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `VIDEO_NOT_FOUND` Video not found
             *
             *     `CAPTIONS_NOT_FOUND` The video has no captions in this language
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getVideoCaptions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Captions fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "language": "en",
                     *           "label": "English",
                     *           "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt"
                     *         }
                     *       ],
                     *       "message": "Captions fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Captions"][];
                        /** @example Captions fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getVideoComments: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
                sortBy?: "createdAt" | "likesCount";
                sortType?: "asc" | "desc";
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Comments fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000d1d1",
                     *             "content": "What a light!",
                     *             "video": "66f0c0ffee0000000000b0b1",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             },
                     *             "parent": null,
                     *             "likesCount": 3,
                     *             "repliesCount": 3,
                     *             "isLiked": true,
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z"
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Comments fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Comment"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Comments fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    addComment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "application/json": {
                    /** @example What a light! */
                    content: string;
                    parent?: string | null;
                };
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example What a light! */
                    content: string;
                    parent?: string | null;
                };
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example What a light! */
                    content: string;
                    parent?: string | null;
                };
            };
        };
        responses: {
            /** @description Comment added successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000d1d1",
                     *         "content": "What a light!",
                     *         "video": "66f0c0ffee0000000000b0b1",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "parent": null,
                     *         "likesCount": 3,
                     *         "repliesCount": 3,
                     *         "isLiked": true,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Comment added successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Comment"];
                        /** @example Comment added successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `VIDEO_NOT_FOUND` Video not found
             *
             *     `COMMENT_NOT_FOUND` Comment not found
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteComment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000d1d1 */
                commentId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Comment deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "commentId": "66f0c0ffee0000000000d1d1"
                     *       },
                     *       "message": "Comment deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @example 66f0c0ffee0000000000d1d1 */
                            commentId: string;
                        };
                        /** @example Comment deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `COMMENT_NOT_FOUND` Comment not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateComment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000d1d1 */
                commentId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "application/json": {
                    /** @example What a light! */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example What a light! */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "What a light!"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example What a light! */
                    content: string;
                };
            };
        };
        responses: {
            /** @description Comment updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000d1d1",
                     *         "content": "What a light!",
                     *         "video": "66f0c0ffee0000000000b0b1",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "parent": null,
                     *         "likesCount": 3,
                     *         "repliesCount": 3,
                     *         "isLiked": true,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Comment updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Comment"];
                        /** @example Comment updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `COMMENT_NOT_FOUND` Comment not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getCommentReplies: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000d1d1 */
                commentId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Replies fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000d1d1",
                     *             "content": "What a light!",
                     *             "video": "66f0c0ffee0000000000b0b1",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             },
                     *             "parent": null,
                     *             "likesCount": 3,
                     *             "repliesCount": 3,
                     *             "isLiked": true,
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z"
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Replies fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Comment"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Replies fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `COMMENT_NOT_FOUND` Comment not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getLikedVideos: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Liked videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000b0b1",
                     *           "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *           "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *           "posters": [
                     *             {
                     *               "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *               "type": "image/jpeg",
                     *               "width": 640,
                     *               "height": 360
                     *             }
                     *           ],
                     *           "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *           "title": "A walk through Jaipur",
                     *           "description": "From the palace to the bazaar, before the heat",
                     *           "duration": 734.5,
                     *           "views": 3,
                     *           "isPublished": true,
                     *           "likesCount": 3,
                     *           "commentsCount": 3,
                     *           "isLiked": true,
                     *           "tags": [
                     *             "travel",
                     *             "india"
                     *           ],
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           }
                     *         }
                     *       ],
                     *       "message": "Liked videos fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Video"][];
                        /** @example Liked videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    toggleCommentLike: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000d1d1 */
                commentId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Comment unliked successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "isLiked": false,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Comment unliked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Liked"];
                        /** @example Comment unliked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description Comment liked successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "isLiked": true,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Comment liked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Liked"];
                        /** @example Comment liked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `COMMENT_NOT_FOUND` Comment not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    toggleTweetLike: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000e2e2 */
                tweetId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tweet unliked successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "isLiked": false,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Tweet unliked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Liked"];
                        /** @example Tweet unliked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description Tweet liked successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "isLiked": true,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Tweet liked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Liked"];
                        /** @example Tweet liked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TWEET_NOT_FOUND` Tweet not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    toggleVideoLike: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video unliked successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "isLiked": false,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Video unliked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Liked"];
                        /** @example Video unliked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description Video liked successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "isLiked": true,
                     *         "likesCount": 3
                     *       },
                     *       "message": "Video liked successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Liked"];
                        /** @example Video liked successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `VIDEO_NOT_FOUND` Video not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAllTweets: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tweets fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000e2e2",
                     *             "content": "New walk on Friday",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             },
                     *             "likesCount": 3,
                     *             "isLiked": true,
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z"
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Tweets fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Tweet"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Tweets fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    createTweet: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "application/json": {
                    /** @example New walk on Friday */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example New walk on Friday */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example New walk on Friday */
                    content: string;
                };
            };
        };
        responses: {
            /** @description Tweet created successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000e2e2",
                     *         "content": "New walk on Friday",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "likesCount": 3,
                     *         "isLiked": true,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Tweet created successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Tweet"];
                        /** @example Tweet created successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deleteTweet: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000e2e2 */
                tweetId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tweet deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "tweetId": "66f0c0ffee0000000000e2e2"
                     *       },
                     *       "message": "Tweet deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @example 66f0c0ffee0000000000e2e2 */
                            tweetId: string;
                        };
                        /** @example Tweet deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TWEET_NOT_FOUND` Tweet not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateTweet: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000e2e2 */
                tweetId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "application/json": {
                    /** @example New walk on Friday */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example New walk on Friday */
                    content: string;
                };
                /**
                 * @example {
                 *       "content": "New walk on Friday"
                 *     }
                 */
                "multipart/form-data": {
                    /** @example New walk on Friday */
                    content: string;
                };
            };
        };
        responses: {
            /** @description Tweet updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000e2e2",
                     *         "content": "New walk on Friday",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "likesCount": 3,
                     *         "isLiked": true,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Tweet updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Tweet"];
                        /** @example Tweet updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TWEET_NOT_FOUND` Tweet not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserTweets: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The user's id or username
                 * @example asha
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tweets fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000e2e2",
                     *           "content": "New walk on Friday",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "likesCount": 3,
                     *           "isLiked": true,
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "message": "Tweets fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Tweet"][];
                        /** @example Tweets fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    addVideoToPlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video added to playlist successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video added to playlist successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Video added to playlist successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `PLAYLIST_FULL` The playlist is full
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PLAYLIST_NOT_FOUND` Playlist not found
             *
             *     `VIDEO_NOT_FOUND` Video not found
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    createPlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/json": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
            };
        };
        responses: {
            /** @description Playlist created successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist created successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist created successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getPlaylistById: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlist fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deletePlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlist deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Playlist deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Playlist deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updatePlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/json": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
            };
        };
        responses: {
            /** @description Playlist updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserPlaylists: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The user's id or username
                 * @example asha
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlists fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000f3f3",
                     *           "name": "Sunday walks",
                     *           "description": "Slow ones, with sound",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "isPublic": true,
                     *           "totalVideos": 3,
                     *           "totalViews": 3,
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "videos": [
                     *             "66f0c0ffee0000000000b0b1"
                     *           ],
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp"
                     *         }
                     *       ],
                     *       "message": "Playlists fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["PlaylistInList"][];
                        /** @example Playlists fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    removeVideoFromPlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video removed from playlist successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video removed from playlist successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Video removed from playlist successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    reorderPlaylist: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
            };
        };
        responses: {
            /** @description Playlist order updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist order updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist order updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `PLAYLIST_ORDER_MISMATCH` The order must name every video of the playlist once
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSubscribedChannels: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000a5a2 */
                subscriberId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Subscribed channels fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "subscribersCount": 3,
                     *           "latestVideo": {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           },
                     *           "subscribedAt": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "message": "Subscribed channels fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["FollowedChannel"][];
                        /** @example Subscribed channels fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSubscribedVideos: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Videos fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Video"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserChannelSubscribers: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000a5a1 */
                channelId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Subscribers fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "subscribersCount": 3,
                     *           "isSubscribed": true,
                     *           "subscribedAt": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "message": "Subscribers fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Subscriber"][];
                        /** @example Subscribers fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    toggleSubscription: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000a5a1 */
                channelId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Unsubscribed successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "isSubscribed": false,
                     *         "subscribersCount": 3
                     *       },
                     *       "message": "Unsubscribed successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            isSubscribed: boolean;
                            /** @example 3 */
                            subscribersCount: number;
                        };
                        /** @example Unsubscribed successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description Subscribed successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "isSubscribed": true,
                     *         "subscribersCount": 3
                     *       },
                     *       "message": "Subscribed successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: {
                            isSubscribed: boolean;
                            /** @example 3 */
                            subscribersCount: number;
                        };
                        /** @example Subscribed successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `SELF_SUBSCRIPTION` You cannot subscribe to your own channel
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getChannelStats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Channel stats fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "totalSubscribers": 3,
                     *         "totalLikes": 3,
                     *         "totalComments": 3,
                     *         "totalTweets": 3,
                     *         "totalPlaylists": 3
                     *       },
                     *       "message": "Channel stats fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["ChannelStats"];
                        /** @example Channel stats fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getChannelVideos: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
                sortBy?: "createdAt" | "views" | "duration" | "title";
                sortType?: "asc" | "desc";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Channel videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000b0b1",
                     *           "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *           "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *           "posters": [
                     *             {
                     *               "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *               "type": "image/jpeg",
                     *               "width": 640,
                     *               "height": 360
                     *             }
                     *           ],
                     *           "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *           "title": "A walk through Jaipur",
                     *           "description": "From the palace to the bazaar, before the heat",
                     *           "duration": 734.5,
                     *           "views": 3,
                     *           "isPublished": true,
                     *           "likesCount": 3,
                     *           "commentsCount": 3,
                     *           "isLiked": true,
                     *           "tags": [
                     *             "travel",
                     *             "india"
                     *           ],
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           }
                     *         }
                     *       ],
                     *       "message": "Channel videos fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Video"][];
                        /** @example Channel videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSignedVideoFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example mhe2w8ow.q0Yc1vYyJ8m1kqzv0l0W9A */
                ticket: string;
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 0123456789abcdef0123456789abcdef.mp4 */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A file of a video that is not published, for whoever was told this address */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/vtt": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `MEDIA_LINK_INVALID` This link to a file is not valid
             *
             *     `MEDIA_LINK_EXPIRED` This link to a file has expired; load the video again
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_NOT_FOUND` File not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `RANGE_NOT_SATISFIABLE` The file has no such range of bytes */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getSignedVideoFilePart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example mhe2w8ow.q0Yc1vYyJ8m1kqzv0l0W9A */
                ticket: string;
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 0123456789abcdef0123456789abcdef.mp4 */
                file: string;
                /** @example 0-1023.m4s */
                part: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A part of such a file */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `MEDIA_LINK_INVALID` This link to a file is not valid
             *
             *     `MEDIA_LINK_EXPIRED` This link to a file has expired; load the video again
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_NOT_FOUND` File not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000a5a1 */
                userId: string;
                /** @example 0123456789abcdef0123456789abcdef.webp */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An avatar or a cover image */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/webp": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_NOT_FOUND` File not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `RANGE_NOT_SATISFIABLE` The file has no such range of bytes */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getVideoFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 0123456789abcdef0123456789abcdef.mp4 */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A file of a published video: itself, its pictures, captions and playlists */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "video/*": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_NOT_FOUND` File not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `RANGE_NOT_SATISFIABLE` The file has no such range of bytes */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getVideoFilePart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 0123456789abcdef0123456789abcdef.mp4 */
                file: string;
                /** @example 0-1023.m4s */
                part: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A segment of a stream, or the playlist of a caption file, as playlists name them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": Blob;
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_NOT_FOUND` File not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    healthcheck: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "status": "ok"
                     *       },
                     *       "message": "OK",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @enum {string} */
                            status: "ok";
                        };
                        /** @example OK */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    readiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "status": "ready"
                     *       },
                     *       "message": "Ready",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            /** @enum {string} */
                            status: "ready";
                        };
                        /** @example Ready */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `NOT_READY` The service is not ready
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This document as a page to browse and try */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": Blob;
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "openapi": "3.1.0"
                     *     }
                     */
                    "application/json": {
                        /** @example 3.1.0 */
                        openapi: string;
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getWatchHistoryAlias: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Watch history fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000b0b1",
                     *           "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *           "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *           "posters": [
                     *             {
                     *               "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *               "type": "image/jpeg",
                     *               "width": 640,
                     *               "height": 360
                     *             }
                     *           ],
                     *           "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *           "title": "A walk through Jaipur",
                     *           "description": "From the palace to the bazaar, before the heat",
                     *           "duration": 734.5,
                     *           "views": 3,
                     *           "isPublished": true,
                     *           "likesCount": 3,
                     *           "commentsCount": 3,
                     *           "isLiked": true,
                     *           "tags": [
                     *             "travel",
                     *             "india"
                     *           ],
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "watchedAt": "2026-01-31T12:00:00.000Z",
                     *           "position": 12.5
                     *         }
                     *       ],
                     *       "message": "Watch history fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["WatchedVideo"][];
                        /** @example Watch history fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateAvatarAlias: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "avatar": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    avatar: Blob;
                };
            };
        };
        responses: {
            /** @description Avatar updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Avatar updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Avatar updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNSUPPORTED` This kind of file is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updateCoverImageAlias: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "coverImage": "image.png"
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * Format: binary
                     * @description JPEG, PNG, WebP, GIF or AVIF
                     * @example image.png
                     */
                    coverImage: Blob;
                };
            };
        };
        responses: {
            /** @description Cover image updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "email": "asha@example.com",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z"
                     *       },
                     *       "message": "Cover image updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["OwnUser"];
                        /** @example Cover image updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_MULTIPART` The multipart body is not complete or not valid
             *
             *     `MEDIA_EMPTY` The file is empty
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `FILE_TOO_LARGE` The file is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNSUPPORTED` This kind of file is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `MEDIA_UNREADABLE` The file is damaged or cannot be read */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `STORAGE_UNAVAILABLE` The media storage does not answer, please try again in a moment
             *
             *     `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getChannelAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example asha */
                username: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description User channel fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000a5a1",
                     *         "username": "asha",
                     *         "fullName": "Asha Rao",
                     *         "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "coverImage": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp",
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "subscribersCount": 3,
                     *         "channelsSubscribedToCount": 3,
                     *         "isSubscribed": true,
                     *         "videosCount": 3,
                     *         "tweetsCount": 3,
                     *         "totalViews": 3
                     *       },
                     *       "message": "User channel fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Channel"];
                        /** @example User channel fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getAllVideosAlias: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
                /** @description Words to find in title, description and tags */
                query?: string;
                sortBy?: "createdAt" | "views" | "duration" | "title" | "relevance";
                sortType?: "asc" | "desc";
                tag?: string;
            };
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000a5a1 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Videos fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "docs": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ],
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       },
                     *       "message": "Videos fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: {
                            docs: components["schemas"]["Video"][];
                            /** @example 1 */
                            totalDocs: number;
                            /** @example 10 */
                            limit: number;
                            /** @example 1 */
                            page: number | null;
                            /** @example 1 */
                            totalPages: number;
                            /** @example 1 */
                            pagingCounter: number | null;
                            /** @example false */
                            hasPrevPage: boolean;
                            /** @example false */
                            hasNextPage: boolean;
                            /** @example null */
                            prevPage: number | null;
                            /** @example null */
                            nextPage: number | null;
                            /** @example null */
                            nextCursor: string | null;
                        };
                        /** @example Videos fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserTweetsAlias: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The user's id or username
                 * @example asha
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tweets fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000e2e2",
                     *           "content": "New walk on Friday",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "likesCount": 3,
                     *           "isLiked": true,
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "message": "Tweets fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Tweet"][];
                        /** @example Tweets fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    addVideoToPlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video added to playlist successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video added to playlist successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Video added to playlist successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `PLAYLIST_FULL` The playlist is full
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `PLAYLIST_NOT_FOUND` Playlist not found
             *
             *     `VIDEO_NOT_FOUND` Video not found
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    createPlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/json": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Sunday walks */
                    name: string;
                    /**
                     * @default
                     * @example Slow ones, with sound
                     */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
            };
        };
        responses: {
            /** @description Playlist created successfully */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 201,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist created successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 201;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist created successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getPlaylistByIdAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlist fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist fetched successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    deletePlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlist deleted successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {},
                     *       "message": "Playlist deleted successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: Record<string, never>;
                        /** @example Playlist deleted successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    updatePlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/json": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
                /**
                 * @example {
                 *       "name": "Sunday walks",
                 *       "description": "Slow ones, with sound",
                 *       "isPublic": true
                 *     }
                 */
                "multipart/form-data": {
                    /** @example Sunday walks */
                    name?: string;
                    /** @example Slow ones, with sound */
                    description?: string;
                    /** @example true */
                    isPublic?: boolean;
                };
            };
        };
        responses: {
            /** @description Playlist updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    getUserPlaylistsAlias: {
        parameters: {
            query?: {
                /** @description From 1 */
                page?: number;
                /** @description How many; more than 100 is served as 100 */
                limit?: number;
                /** @description `nextCursor` of the reply before; walks the list without skipping or repeating */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description The user's id or username
                 * @example asha
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Playlists fetched successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": [
                     *         {
                     *           "_id": "66f0c0ffee0000000000f3f3",
                     *           "name": "Sunday walks",
                     *           "description": "Slow ones, with sound",
                     *           "owner": {
                     *             "_id": "66f0c0ffee0000000000a5a1",
                     *             "username": "asha",
                     *             "fullName": "Asha Rao",
                     *             "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *           },
                     *           "isPublic": true,
                     *           "totalVideos": 3,
                     *           "totalViews": 3,
                     *           "createdAt": "2026-01-31T12:00:00.000Z",
                     *           "updatedAt": "2026-01-31T12:00:00.000Z",
                     *           "videos": [
                     *             "66f0c0ffee0000000000b0b1"
                     *           ],
                     *           "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp"
                     *         }
                     *       ],
                     *       "message": "Playlists fetched successfully",
                     *       "success": true,
                     *       "pagination": {
                     *         "totalDocs": 1,
                     *         "limit": 10,
                     *         "page": 1,
                     *         "totalPages": 1,
                     *         "pagingCounter": 1,
                     *         "hasPrevPage": false,
                     *         "hasNextPage": false,
                     *         "prevPage": null,
                     *         "nextPage": null,
                     *         "nextCursor": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["PlaylistInList"][];
                        /** @example Playlists fetched successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                        pagination: components["schemas"]["Pagination"];
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_CURSOR` The cursor does not belong to this list
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `CHANNEL_NOT_FOUND` Channel does not exist */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    removeVideoFromPlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000b0b1 */
                videoId: string;
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Video removed from playlist successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Video removed from playlist successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Video removed from playlist successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /** @description `VALIDATION_FAILED` Some fields are not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
    reorderPlaylistAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example 66f0c0ffee0000000000f3f3 */
                playlistId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "application/json": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
                /**
                 * @example {
                 *       "videos": [
                 *         "66f0c0ffee0000000000b0b1"
                 *       ]
                 *     }
                 */
                "multipart/form-data": {
                    /**
                     * @description The ids of all its videos, each once; in forms repeated, or between commas
                     * @example [
                     *       "66f0c0ffee0000000000b0b1"
                     *     ]
                     */
                    videos: string[];
                };
            };
        };
        responses: {
            /** @description Playlist order updated successfully */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "statusCode": 200,
                     *       "data": {
                     *         "_id": "66f0c0ffee0000000000f3f3",
                     *         "name": "Sunday walks",
                     *         "description": "Slow ones, with sound",
                     *         "owner": {
                     *           "_id": "66f0c0ffee0000000000a5a1",
                     *           "username": "asha",
                     *           "fullName": "Asha Rao",
                     *           "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *         },
                     *         "isPublic": true,
                     *         "totalVideos": 3,
                     *         "totalViews": 3,
                     *         "createdAt": "2026-01-31T12:00:00.000Z",
                     *         "updatedAt": "2026-01-31T12:00:00.000Z",
                     *         "videos": [
                     *           {
                     *             "_id": "66f0c0ffee0000000000b0b1",
                     *             "videoFile": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.mp4",
                     *             "thumbnail": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.webp",
                     *             "hls": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/master-5f1d6c3a9b2e4870.m3u8",
                     *             "posters": [
                     *               {
                     *                 "url": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.jpg",
                     *                 "type": "image/jpeg",
                     *                 "width": 640,
                     *                 "height": 360
                     *               }
                     *             ],
                     *             "storyboard": "http://localhost:8000/api/v1/media/videos/66f0c0ffee0000000000b0b1/0123456789abcdef0123456789abcdef.vtt",
                     *             "title": "A walk through Jaipur",
                     *             "description": "From the palace to the bazaar, before the heat",
                     *             "duration": 734.5,
                     *             "views": 3,
                     *             "isPublished": true,
                     *             "likesCount": 3,
                     *             "commentsCount": 3,
                     *             "isLiked": true,
                     *             "tags": [
                     *               "travel",
                     *               "india"
                     *             ],
                     *             "createdAt": "2026-01-31T12:00:00.000Z",
                     *             "updatedAt": "2026-01-31T12:00:00.000Z",
                     *             "owner": {
                     *               "_id": "66f0c0ffee0000000000a5a1",
                     *               "username": "asha",
                     *               "fullName": "Asha Rao",
                     *               "avatar": "http://localhost:8000/api/v1/media/users/66f0c0ffee0000000000a5a1/0123456789abcdef0123456789abcdef.webp"
                     *             }
                     *           }
                     *         ]
                     *       },
                     *       "message": "Playlist order updated successfully",
                     *       "success": true
                     *     }
                     */
                    "application/json": {
                        /** @enum {number} */
                        statusCode: 200;
                        data: components["schemas"]["Playlist"];
                        /** @example Playlist order updated successfully */
                        message: string;
                        /** @enum {boolean} */
                        success: true;
                    };
                };
            };
            /**
             * @description `VALIDATION_FAILED` Some fields are not valid
             *
             *     `INVALID_JSON` The body is not valid JSON
             *
             *     `PLAYLIST_ORDER_MISMATCH` The order must name every video of the playlist once
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `UNAUTHENTICATED` Unauthorized request
             *
             *     `INVALID_ACCESS_TOKEN` Invalid access token
             *
             *     `ACCESS_TOKEN_EXPIRED` Access token expired: jwt expired
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /**
             * @description `CROSS_SITE_REQUEST` This origin may not use the signed-in user's cookies
             *
             *     `FORBIDDEN` This belongs to someone else
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PLAYLIST_NOT_FOUND` Playlist not found */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `PAYLOAD_TOO_LARGE` The body is larger than allowed */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE` This kind of body is not supported */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `TOO_MANY_REQUESTS` Too many requests, please slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `INTERNAL_ERROR` Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description `DATABASE_UNAVAILABLE` The database does not answer, please try again in a moment */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
        };
    };
}
