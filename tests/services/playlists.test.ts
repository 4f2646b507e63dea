import { masterPlaylist, measureTrack, mediaPlaylist } from "../../src/services/ffmpeg";

const track = {
  codecs: "avc1.640015",
  initSize: 800,
  segments: [
    { duration: 4, size: 1000 },
    { duration: 4, size: 4000 },
    { duration: 0.04, size: 9000 },
  ],
};

describe("a media playlist", () => {
  it("names the parts of one file by their first and last byte", () => {
    expect(mediaPlaylist(track, "4f9c1d.mp4")).toBe(
      [
        ...["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:0"],
        ...["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-INDEPENDENT-SEGMENTS"],
        '#EXT-X-MAP:URI="4f9c1d.mp4/0-799.mp4"',
        ...["#EXTINF:4.000000,", "4f9c1d.mp4/800-1799.m4s"],
        ...["#EXTINF:4.000000,", "4f9c1d.mp4/1800-5799.m4s"],
        ...["#EXTINF:0.040000,", "4f9c1d.mp4/5800-14799.m4s"],
        "#EXT-X-ENDLIST\n",
      ].join("\n"),
    );
  });
});

describe("a master playlist", () => {
  const rendition = { uri: "240p.m3u8", width: 426, height: 240, frameRate: 30000 / 1001 };
  const renditions = [{ ...rendition, ...measureTrack(track) }];

  it("tells the highest bit rate of segments as long as the target, and the average", () => {
    const text = masterPlaylist({ renditions, audio: null, subtitles: [] });
    const peak = Math.ceil((8 * 13_000) / 4.04);
    const average = Math.ceil((8 * 14_000) / 8.04);
    expect(text).toContain(`BANDWIDTH=${peak},AVERAGE-BANDWIDTH=${average},`);
    expect(text).toContain(`CODECS="avc1.640015",RESOLUTION=426x240,FRAME-RATE=29.970\n`);
  });

  it("counts the sound with every size", () => {
    const sound = { codecs: "mp4a.40.2", bandwidth: 170_000, averageBandwidth: 160_000 };
    const audio = { uri: "audio.m3u8", ...sound };
    const picture = { ...rendition, codecs: "avc1.640015", bandwidth: 900, averageBandwidth: 500 };
    const text = masterPlaylist({ renditions: [picture], audio, subtitles: [] });
    expect(text).toContain(
      'BANDWIDTH=170900,AVERAGE-BANDWIDTH=160500,CODECS="avc1.640015,mp4a.40.2",',
    );
    expect(text).toContain('AUDIO="audio"\n240p.m3u8\n');
    expect(text).toMatch(/#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",.*URI="audio.m3u8"/);
  });

  it("lists subtitles for every size, whatever they are called", () => {
    const subtitles = [{ uri: "de.m3u8", language: "de", name: 'Deutsch "für\nalle"' }];
    const text = masterPlaylist({ renditions, audio: null, subtitles });
    expect(text).toContain(`NAME="Deutsch 'für'alle'",LANGUAGE="de"`);
    expect(text).toContain(`FRAME-RATE=29.970,SUBTITLES="subtitles"\n`);
  });
});
