import type { SceneName } from "./clips";

/** A person of the seed; colours run from dark to light and make avatar, cover and clips. */
export interface SeedPerson {
  username: string;
  fullName: string;
  colours: readonly [string, string, string, string];
  tweets: readonly string[];
}

/** A clip of the seed and what its owner writes about it. */
export interface SeedVideo {
  owner: string;
  title: string;
  description: string;
  tags: readonly string[];
  scene: SceneName;
  seconds: number;
  /** The sound: frequencies in hertz, held together. */
  chord: readonly number[];
  /** One that its owner has not published yet. */
  isDraft?: boolean;
}

/** A playlist of the seed; its videos carry one of the tags. */
export interface SeedPlaylist {
  owner: string;
  name: string;
  description: string;
  tags: readonly string[];
  isPublic?: boolean;
}

export const PEOPLE: readonly SeedPerson[] = [
  {
    username: "maya_lindqvist",
    fullName: "Maya Lindqvist",
    colours: ["#1b1f4b", "#5b3fd1", "#f06ba8", "#ffe3c2"],
    tweets: [
      "Rewrote the noise function for the third time. It is finally boring, which is what I wanted.",
      "New loop is up. It is six seconds long and took me eleven evenings.",
      "Reminder to myself: a good palette has one colour you would never wear.",
    ],
  },
  {
    username: "arjun_mehta",
    fullName: "Arjun Mehta",
    colours: ["#0b2b26", "#16735f", "#7cc6a4", "#fff3d6"],
    tweets: [
      "Sold two synths, bought one. The studio feels bigger and somehow sounds bigger too.",
      "Anyone else record the room for a minute before playing a single note?",
      "Live set next Friday, one hour, no laptop. Wish me luck.",
    ],
  },
  {
    username: "tomas_okafor",
    fullName: "Tomás Okafor",
    colours: ["#03045e", "#0077b6", "#48cae4", "#e9fbff"],
    tweets: [
      "Two stones, one pond. That is the whole lecture on interference, the rest is bookkeeping.",
      "A student asked why the sky is not violet. Best question of the term so far.",
      "Chalkboard or tablet? I keep coming back to chalk.",
    ],
  },
  {
    username: "hana_mori",
    fullName: "Hana Mori",
    colours: ["#3a1c2b", "#a63d57", "#f3a6a0", "#fff1e6"],
    tweets: [
      "Tea first, then the inbox.",
      "A hundred short sittings. Thank you to everyone who keeps turning up.",
      "Quiet week here. The plum tree is doing all the talking.",
    ],
  },
  {
    username: "leo_castellano",
    fullName: "Leo Castellano",
    colours: ["#2d1e2f", "#d1495b", "#edae49", "#fdf0d5"],
    tweets: [
      "Contrast is not a number, it is a decision. But do check the number.",
      "Repainted the studio wall in a grey that turned out to be lilac after lunch.",
      "The client chose the first draft. They usually do, after the seventh.",
    ],
  },
  {
    username: "priya_nair",
    fullName: "Priya Nair",
    colours: ["#10002b", "#7b2cbf", "#e0aaff", "#f7f0ff"],
    tweets: [
      "Today I deleted forty lines and the picture got better.",
      "Office hours moved to Thursday. Bring your strangest shader bug.",
      "Wrote the whole lesson around one sine function. Nobody noticed.",
    ],
  },
  {
    username: "ingrid_solheim",
    fullName: "Ingrid Solheim",
    colours: ["#012a36", "#1f7a8c", "#8ee3c8", "#f2fff8"],
    tweets: [
      "Minus nineteen, clear sky, forgot the spare battery again.",
      "Green band over the fjord at two in the morning. Worth every lost hour of sleep.",
      "Packing list for the hut: soup, socks, tripod. In that order.",
    ],
  },
  {
    username: "sam_whitaker",
    fullName: "Sam Whitaker",
    colours: ["#22223b", "#6d597a", "#e56b6f", "#ffe5d9"],
    tweets: [
      "Twenty-five minutes on, five off. The loop is the timer now.",
      "Found my first four-track in a box. It still smells like 2004.",
      "Rain on the window counts as percussion, I will not be taking questions.",
    ],
  },
  {
    username: "zainab_yusuf",
    fullName: "Zainab Yusuf",
    colours: ["#14213d", "#b5651d", "#fca311", "#fff8e7"],
    tweets: [
      "Warped the loom before breakfast. The pattern only makes sense from across the room.",
      "Indigo day. My hands will tell everybody for a week.",
      "A mistake repeated eight times is a motif.",
    ],
  },
  {
    username: "felix_brandt",
    fullName: "Felix Brandt",
    colours: ["#0d0221", "#2de2e6", "#f706cf", "#fdf500"],
    tweets: [
      "It runs on the real machine. Fourteen frames a second, but it runs.",
      "Spent the weekend saving nine bytes. Would do it again.",
      "If your plasma does not cycle its palette, is it even a plasma?",
    ],
  },
  {
    username: "camila_rocha",
    fullName: "Camila Rocha",
    colours: ["#240046", "#ff006e", "#fb8b24", "#ffe8a3"],
    tweets: [
      "Three projectors, two cables. Opening night is always like this.",
      "The drummer follows the lights, I follow the drummer. Somebody should lead.",
      "All the loops from Saturday are up. Use them, mix them, send me what you make.",
    ],
  },
  {
    username: "ravi_iyer",
    fullName: "Ravi Iyer",
    colours: ["#050a1f", "#27357e", "#b388eb", "#fff4f3"],
    tweets: [
      "Seeing was terrible tonight, so I cleaned the mirror instead.",
      "Saturn at the kids' observing evening: the whole queue gasped, one by one.",
      "A long exposure is just patience with a cable release.",
    ],
  },
];

export const VIDEOS: readonly SeedVideo[] = [
  {
    owner: "maya_lindqvist",
    title: "Tidal: a seamless loop made of three sine waves",
    description:
      "Three waves of slightly different length drift across each other and never quite agree. Rendered in one take, no keyframes. The end meets the beginning, so let it run.",
    tags: ["generative", "loop", "art"],
    scene: "waves",
    seconds: 6,
    chord: [196, 246.94, 293.66],
  },
  {
    owner: "maya_lindqvist",
    title: "What happens when orbs get lonely",
    description:
      "Metaballs that seek company. Each one follows its nearest neighbour until they merge, then they change their minds. Made for a lobby screen, kept because I like watching it with coffee.",
    tags: ["generative", "art", "animation"],
    scene: "orbs",
    seconds: 7,
    chord: [174.61, 220, 261.63],
  },
  {
    owner: "maya_lindqvist",
    title: "Unfinished: mosaic study no. 4",
    description: "Not sure about the timing yet. Only I can see this one.",
    tags: ["generative", "sketch"],
    scene: "mosaic",
    seconds: 4,
    chord: [220],
    isDraft: true,
  },
  {
    owner: "arjun_mehta",
    title: "Slow drone in D with moss-green light",
    description:
      "One chord, held for as long as my hands allowed, through a spring reverb I repaired with a paper clip. Headphones help.",
    tags: ["music", "ambient", "synth"],
    scene: "aurora",
    seconds: 7,
    chord: [146.83, 220, 293.66, 369.99],
  },
  {
    owner: "arjun_mehta",
    title: "Night bus: a two-minute idea, shortened to its best seconds",
    description:
      "Sketched on the last bus home and finished at the kitchen table. Chords from a small FM synth, everything else is tape.",
    tags: ["music", "synth", "night"],
    scene: "tunnel",
    seconds: 6,
    chord: [164.81, 196, 246.94, 311.13],
  },
  {
    owner: "tomas_okafor",
    title: "Interference you can actually see",
    description:
      "Two sources, one surface. Where crests meet crests the water piles up, where they meet troughs it stays flat. Watch the still lines: they do not move, although everything else does.",
    tags: ["physics", "science", "waves"],
    scene: "ripples",
    seconds: 7,
    chord: [261.63, 329.63],
  },
  {
    owner: "tomas_okafor",
    title: "Standing waves in one short loop",
    description:
      "A wave and its reflection share a string. Pause at any moment and look for the points that never leave the middle. Good for a first lesson before anyone says the word node.",
    tags: ["physics", "science", "lesson"],
    scene: "waves",
    seconds: 6,
    chord: [130.81, 261.63, 392],
  },
  {
    owner: "hana_mori",
    title: "Breathe with this: in for four, out for four",
    description:
      "A short pause for the middle of a working day. Follow the rings outwards, follow them back. Repeat as often as your calendar allows.",
    tags: ["calm", "breathing", "loop"],
    scene: "ripples",
    seconds: 6,
    chord: [174.61, 261.63, 349.23],
  },
  {
    owner: "hana_mori",
    title: "Plum blossom light, without words",
    description:
      "The light in our kitchen in early March, remembered in colours. There is nothing to learn here. Sit down, drink something warm.",
    tags: ["calm", "nature", "slow"],
    scene: "orbs",
    seconds: 8,
    chord: [196, 293.66, 440],
  },
  {
    owner: "leo_castellano",
    title: "One palette, four moods",
    description:
      "The same four colours, only their order changes. Notice how the warm one comes forward as soon as it stands next to the dark one. Part two is about greys.",
    tags: ["design", "colour", "lesson"],
    scene: "dunes",
    seconds: 6,
    chord: [220, 277.18, 329.63],
  },
  {
    owner: "leo_castellano",
    title: "Why your gradients look muddy (and a fix)",
    description:
      "Halfway between two bright colours sits a dull one, at least if you mix them the naive way. A quick comparison, and the small change that keeps the middle alive.",
    tags: ["design", "colour", "tutorial"],
    scene: "waves",
    seconds: 5,
    chord: [246.94, 311.13, 369.99],
  },
  {
    owner: "priya_nair",
    title: "Your first tunnel in twelve lines of shader code",
    description:
      "Polar coordinates, one division, and suddenly there is depth. We build it line by line and break it twice on purpose. The final code is in the description of the next lesson.",
    tags: ["coding", "shaders", "tutorial"],
    scene: "tunnel",
    seconds: 6,
    chord: [196, 233.08, 293.66],
  },
  {
    owner: "priya_nair",
    title: "Rotating a grid without losing your mind",
    description:
      "Rotation matrices explained with a checkerboard. If you remember one thing: move the point, not the picture.",
    tags: ["coding", "shaders", "maths"],
    scene: "tiles",
    seconds: 6,
    chord: [164.81, 207.65, 246.94],
  },
  {
    owner: "ingrid_solheim",
    title: "Aurora over the fjord, sped up",
    description:
      "Forty minutes of northern lights in a few seconds, colours as the eye remembers them rather than as the sensor saw them. The hum is the wind in the mast.",
    tags: ["nature", "night", "timelapse"],
    scene: "aurora",
    seconds: 7,
    chord: [110, 164.81, 220],
  },
  {
    owner: "ingrid_solheim",
    title: "Snow ridges at noon",
    description:
      "Wind draws lines in old snow and redraws them an hour later. Filmed from the hut door, because it was that kind of day.",
    tags: ["nature", "winter", "slow"],
    scene: "dunes",
    seconds: 6,
    chord: [146.83, 196, 293.66],
  },
  {
    owner: "sam_whitaker",
    title: "Study with me: soft squares and rain",
    description:
      "A small loop for long pages. Nothing jumps, nothing drops. If you finish your chapter, tell me which one.",
    tags: ["lofi", "study", "loop"],
    scene: "mosaic",
    seconds: 7,
    chord: [174.61, 207.65, 261.63, 311.13],
  },
  {
    owner: "sam_whitaker",
    title: "Four-track Sunday",
    description:
      "Dug out the cassette recorder, made exactly one take, kept the mistake at the end. It is the best part.",
    tags: ["lofi", "music", "tape"],
    scene: "spiral",
    seconds: 5,
    chord: [196, 233.08, 293.66, 349.23],
  },
  {
    owner: "zainab_yusuf",
    title: "A weaving pattern grows, one row at a time",
    description:
      "Every tile is one crossing of warp and weft. The pattern is an old one from my grandmother's notebook, the colours are mine.",
    tags: ["craft", "textile", "pattern"],
    scene: "tiles",
    seconds: 7,
    chord: [220, 261.63, 329.63],
  },
  {
    owner: "zainab_yusuf",
    title: "Dye bath, seen from above",
    description:
      "Indigo does not look blue until it meets the air. A few seconds of the moment it changes its mind.",
    tags: ["craft", "textile", "colour"],
    scene: "spiral",
    seconds: 6,
    chord: [196, 246.94, 329.63],
  },
  {
    owner: "felix_brandt",
    title: "Old-school plasma, palette cycling included",
    description:
      "The effect that every demo had in 1993, drawn the way we drew it then: a table of sines and far too many colours. Best viewed in the dark with a large drink.",
    tags: ["demoscene", "retro", "coding"],
    scene: "waves",
    seconds: 6,
    chord: [130.81, 155.56, 196, 261.63],
  },
  {
    owner: "felix_brandt",
    title: "256 bytes, one spiral",
    description:
      "Yes, the whole program. No, I do not fully understand it either any more. Sound by accident, kept on purpose.",
    tags: ["demoscene", "retro", "loop"],
    scene: "spiral",
    seconds: 5,
    chord: [110, 138.59, 164.81],
  },
  {
    owner: "camila_rocha",
    title: "Free VJ loop: hot tunnel, 120 bpm",
    description:
      "Cut on the beat and safe to repeat all night. Free for stage use, a credit makes me happy. Send pictures of your walls.",
    tags: ["vj", "loop", "live"],
    scene: "tunnel",
    seconds: 6,
    chord: [123.47, 185, 246.94],
  },
  {
    owner: "camila_rocha",
    title: "Saturday at the warehouse, front-row colours",
    description:
      "What three projectors and a lot of fog did to one wall. Recorded from the mixing desk, so please imagine the bass.",
    tags: ["vj", "live", "music"],
    scene: "mosaic",
    seconds: 7,
    chord: [146.83, 174.61, 220, 293.66],
  },
  {
    owner: "ravi_iyer",
    title: "A nebula, roughly",
    description:
      "My attempt to show what long exposures look like before anyone picks a false colour. The drift is real, the drama is not.",
    tags: ["astronomy", "night", "science"],
    scene: "orbs",
    seconds: 8,
    chord: [98, 146.83, 196, 246.94],
  },
  {
    owner: "ravi_iyer",
    title: "How a spiral galaxy winds itself up",
    description:
      "Stars near the middle go round faster, so any straight arm should curl up within a few turns. It does here. In the sky it does not, and the next video is about why.",
    tags: ["astronomy", "science", "lesson"],
    scene: "spiral",
    seconds: 7,
    chord: [130.81, 196, 293.66],
  },
];

export const COMMENTS: readonly string[] = [
  "I had this on the second screen all afternoon. Zero regrets.",
  "The transition in the middle is so smooth that I had to go back twice to find it.",
  "Could you share how you chose the colours? They feel warm without being loud.",
  "Came for a minute, stayed for the whole playlist.",
  "My cat watched this to the end, which is more than she does for me.",
  "This explained in seconds what my textbook could not in a chapter.",
  "The sound is doing half the work here, lovely.",
  "Is there a longer version somewhere? I would pay for an hour of it.",
  "Showed this to my class today, they asked for the next one.",
  "Tiny thing: the volume is a bit low on phones. Otherwise perfect.",
  "I tried to rebuild it at home and now understand how hard it is.",
  "It loops so well that I did not notice it had started again.",
  "First comment I have written in years. Thank you for this.",
  "Subscribed before it was over.",
  "Calm, precise, no talking. More of that, please.",
  "What did you render this with?",
  "The description made me smile as much as the video.",
  "Used it as a backdrop on Saturday and people asked about it all evening.",
  "I keep noticing new details. The lower left corner!",
  "Great lesson. A follow-up about the maths would be wonderful.",
  "This is what I hoped the internet would be.",
  "Watching at two in the morning, feeling looked after.",
  "Honestly better than anything on the big platforms today.",
  "The last second is my favourite.",
];

export const REPLIES: readonly string[] = [
  "Thank you, that means a lot!",
  "Same here, I lost half an hour.",
  "There is a longer cut coming next month.",
  "All by hand, and a lot of patience.",
  "I asked myself the same thing.",
  "Good point, I will fix that in the next one.",
  "Please send a picture of the cat.",
  "Agreed, the sound makes it.",
  "Try it at half speed, it gets even better.",
  "You are very kind.",
];

export const PLAYLISTS: readonly SeedPlaylist[] = [
  {
    owner: "maya_lindqvist",
    name: "Loops for tired eyes",
    description: "Nothing jumps, nothing shouts.",
    tags: ["loop", "slow"],
  },
  {
    owner: "maya_lindqvist",
    name: "To study frame by frame",
    description: "Private notes on timing.",
    tags: ["art", "retro"],
    isPublic: false,
  },
  {
    owner: "tomas_okafor",
    name: "First lessons",
    description: "Short clips to open a class with.",
    tags: ["lesson", "science"],
  },
  {
    owner: "hana_mori",
    name: "A quiet quarter of an hour",
    description: "",
    tags: ["calm", "slow", "nature"],
  },
  {
    owner: "priya_nair",
    name: "Learn to draw with code",
    description: "In this order, if you are new.",
    tags: ["coding", "shaders", "tutorial"],
  },
  {
    owner: "sam_whitaker",
    name: "Late shift",
    description: "For the hours after ten.",
    tags: ["night", "lofi", "music"],
  },
  {
    owner: "camila_rocha",
    name: "On the wall this season",
    description: "What I am mixing with right now.",
    tags: ["vj", "demoscene", "loop"],
  },
];
