// The newest videos of this server. Whatever comes from the API is inserted as text.

const API = "/api/v1";
const PAGE = 12;
const TIMEOUT_MS = 10_000;

const byId = (id) => document.getElementById(id);
const [grid, empty, failure, more, player, media] = [
  "grid",
  "empty",
  "failure",
  "more",
  "player",
  "video",
].map(byId);

let cursor = null;

/** Builds an element; children that are strings become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Answers `data`, or throws an error that is fit to be shown. */
async function read(path) {
  const signal = window.AbortSignal.timeout(TIMEOUT_MS);
  const reply = await window.fetch(API + path, { signal }).catch(() => {
    throw new Error("There is no connection to the server.");
  });
  const body = await reply.json().catch(() => null);
  if (!reply.ok || !body?.success) {
    throw new Error(`${body?.message ?? "The reply makes no sense."} (status ${reply.status})`);
  }
  return body.data;
}

async function showPage() {
  const isFirst = cursor === null;
  const known = grid.querySelectorAll(".card").length;
  failure.hidden = true;
  empty.hidden = true;
  more.hidden = true;
  grid.setAttribute("aria-busy", "true");
  const skeletons = Array.from({ length: isFirst ? 8 : 4 }, skeleton);
  grid.append(...skeletons);
  try {
    const page = await read(`/videos?limit=${PAGE}${isFirst ? "" : `&cursor=${cursor}`}`);
    grid.append(...page.docs.map(card));
    cursor = page.nextCursor;
    more.hidden = cursor === null;
    empty.hidden = page.totalDocs > 0;
    byId("total").textContent = page.totalDocs > 0 ? counted(page.totalDocs, "video") : "";
    if (!isFirst) {
      grid.querySelectorAll(".card")[known]?.focus();
    }
  } catch (error) {
    byId("reason").textContent = error.message;
    failure.hidden = false;
  } finally {
    skeletons.forEach((item) => item.remove());
    grid.setAttribute("aria-busy", "false");
  }
}

function skeleton() {
  return element("li", { class: "skeleton", "aria-hidden": "true" }, element("div"), element("p"));
}

function card(video) {
  const { title, owner, thumbnail, views, createdAt } = video;
  const image = element("img", {
    src: thumbnail,
    alt: "",
    loading: "lazy",
    width: 640,
    height: 360,
  });
  image.addEventListener("error", () => image.remove());
  const picture = element(
    "span",
    { class: "picture" },
    image,
    element("span", { class: "length" }, length(video.duration)),
  );
  const text = element(
    "span",
    { class: "text" },
    element("span", { class: "title" }, title),
    element("span", { class: "muted" }, owner.fullName),
    element("span", { class: "muted" }, `${counted(views, "view")} · ${age(createdAt)}`),
  );
  const button = element(
    "button",
    { class: "card", type: "button" },
    picture,
    element("span", { class: "below" }, avatar(owner), text),
  );
  button.addEventListener("click", () => void play(video));
  return element("li", {}, button);
}

/** The picture, or the first letter where it cannot be had. */
function avatar(owner) {
  const circle = element("span", { class: "avatar", "aria-hidden": "true" });
  const image = element("img", { src: owner.avatar, alt: "", width: 36, height: 36 });
  image.addEventListener("error", () => circle.replaceChildren(owner.fullName.slice(0, 1)));
  circle.append(image);
  return circle;
}

async function play(video) {
  fillPlayer(video);
  byId("playback").hidden = true;
  media.poster = video.thumbnail;
  media.src = video.videoFile;
  player.showModal();
  media.focus();
  // A browser that wants another click shows its own play button.
  media.play().catch(() => undefined);
  // Reading the video's own page counts the view and brings what the list may have had wrong.
  const current = await read(`/videos/${video._id}`).catch(() => null);
  if (current !== null && player.open && media.src === video.videoFile) {
    fillPlayer(current);
  }
}

function fillPlayer({ title, owner, views, likesCount, createdAt, description, tags }) {
  byId("player-title").textContent = title;
  byId("player-facts").textContent = [
    owner.fullName,
    counted(views, "view"),
    counted(likesCount, "like"),
    age(createdAt),
  ].join(" · ");
  byId("player-description").textContent = description;
  byId("player-tags").replaceChildren(...tags.map((tag) => element("li", {}, tag)));
}

/** 75 becomes 1:15. */
function length(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [whole / 3600, (whole / 60) % 60, whole % 60].map(Math.floor);
  const padded = (value) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}

function counted(count, noun) {
  const text = new Intl.NumberFormat("en", { notation: "compact" }).format(count);
  return `${text} ${count === 1 ? noun : `${noun}s`}`;
}

const UNITS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

function age(date) {
  const seconds = Math.max(0, (Date.now() - Date.parse(date)) / 1000);
  const [unit, size] = UNITS.find(([, limit]) => seconds >= limit) ?? ["second", 1];
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return unit === "second" ? "just now" : format.format(-Math.floor(seconds / size), unit);
}

media.addEventListener("error", () => {
  byId("playback").hidden = !player.open;
});
player.addEventListener("close", () => {
  media.pause();
  media.removeAttribute("src");
  media.load();
});
// A click beside the dialog is a click on its backdrop.
player.addEventListener("click", (event) => {
  if (event.target === player) {
    player.close();
  }
});
byId("retry").addEventListener("click", () => void showPage());
more.addEventListener("click", () => void showPage());
for (const place of document.querySelectorAll(".api")) {
  place.textContent = window.location.origin + API;
}

void showPage();
