/* What a frontend on an origin of its own does with the API, by cookies and from events alone. */

const { Hls, tus } = window;
const video = document.querySelector("video");

let api = "";
let hls = null;
let broken = null;

function event(target, name) {
  return new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
}

/** Fails when the player gives up meanwhile. */
function unlessBroken(promise) {
  return Promise.race([promise, broken]);
}

async function call(path, init = {}) {
  const reply = await window.fetch(api + path, { credentials: "include", ...init });
  const { data, message } = await reply.json();
  if (!reply.ok) {
    throw new Error(`${path}: ${reply.status} ${message}`);
  }
  return data;
}

async function clip() {
  return (await window.fetch("/clip.mp4")).blob();
}

/** The next picture that is really shown. */
function picture() {
  return new Promise((resolve) =>
    video.requestVideoFrameCallback((_now, { mediaTime, height }) =>
      resolve({ time: mediaTime, height }),
    ),
  );
}

function cueOf({ language, label, activeCues: [{ text, startTime }] }) {
  return { language, label, text, start: startTime };
}

const UPLOADS = {
  async form(fields) {
    const body = new window.FormData();
    Object.entries(fields).forEach(([name, value]) => body.set(name, value));
    body.set("videoFile", await clip(), "clip.mp4");
    return (await call("/videos", { method: "POST", body }))._id;
  },

  async tus(metadata) {
    const file = await clip();
    return new Promise((resolve, reject) => {
      new tus.Upload(file, {
        endpoint: `${api}/uploads`,
        chunkSize: 100_000,
        metadata,
        onBeforeRequest: (request) => {
          request.getUnderlyingObject().withCredentials = true;
        },
        onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader("X-Video-Id")),
        onError: reject,
      }).start();
    });
  },
};

window.player = {
  async signIn(url, username, password) {
    api = url;
    const body = new window.URLSearchParams({ username, password });
    await call("/users/login", { method: "POST", body });
  },

  /** Resolves with the id of the new video. */
  upload: (by, fields) => UPLOADS[by](fields),

  /** Resolves with each state that was told, when processing has ended. */
  follow(id) {
    const url = `${api}/videos/${id}/processing/events`;
    const source = new window.EventSource(url, { withCredentials: true });
    const told = [];
    return new Promise((resolve) => {
      source.onmessage = ({ data }) => {
        const { state } = JSON.parse(data);
        told.push(state);
        if (["ready", "failed"].includes(state)) {
          source.close();
          resolve(told);
        }
      };
    });
  },

  togglePublish: (id) => call(`/videos/toggle/publish/${id}`, { method: "PATCH" }),

  /** Resolves with the heights to choose from when the first picture is shown. */
  async open(url) {
    // So little is fetched ahead that a short clip is not there at once.
    hls = new Hls({ maxBufferLength: 1, maxMaxBufferLength: 1, startLevel: 0 });
    broken = new Promise((_resolve, reject) => {
      hls.on(Hls.Events.ERROR, (_name, { fatal, details }) => fatal && reject(new Error(details)));
    });
    broken.catch(() => undefined);
    const shown = picture();
    hls.loadSource(url);
    hls.attachMedia(video);
    await unlessBroken(shown);
    return hls.levels.map(({ height }) => height);
  },

  async playToEnd() {
    const ended = event(video, "ended");
    await video.play();
    await unlessBroken(ended);
    return { time: video.currentTime, soundBytes: video.webkitAudioDecodedByteCount };
  },

  /** Resolves with what is shown there. */
  async seek(time) {
    const shown = picture();
    video.currentTime = time;
    return unlessBroken(shown);
  },

  /** Resolves when a picture of that rendition is shown while the video goes on. */
  async choose(height) {
    video.loop = true;
    await video.play();
    hls.currentLevel = hls.levels.findIndex((level) => level.height === height);
    for (;;) {
      const shown = await unlessBroken(picture());
      if (shown.height === height) {
        return shown;
      }
    }
  },

  /** Chooses the only captions; resolves with the text that is shown then. */
  async showCaptions() {
    const [track] = video.textTracks;
    const shown = event(track, "cuechange");
    hls.subtitleDisplay = true;
    hls.subtitleTrack = 0;
    await video.play();
    await unlessBroken(shown);
    return cueOf(track);
  },

  /** The same beside the file that was uploaded; the browser reads both by itself. */
  async showTrack({ videoFile, captions: [{ url, language, label }] }) {
    const element = Object.assign(document.createElement("track"), {
      ...{ kind: "captions", src: url, srclang: language, label },
    });
    video.append(element);
    const shown = event(element.track, "cuechange");
    element.track.mode = "showing";
    video.src = videoFile;
    await video.play();
    await shown;
    return cueOf(element.track);
  },

  /** Plays until a part cannot be had; resolves with the status of that reply, or null at the end. */
  async playUntilRefused() {
    const refused = new Promise((resolve) => {
      hls.on(Hls.Events.ERROR, (_name, { details, response }) => {
        if (details === Hls.ErrorDetails.FRAG_LOAD_ERROR) {
          resolve(response.code);
        }
      });
    });
    const ended = event(video, "ended").then(() => null);
    await video.play();
    return Promise.race([refused, ended]);
  },
};
