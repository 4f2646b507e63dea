import { toWebVtt } from "../../src/services/captions";
import { MediaError } from "../../src/services/MediaError";

const MB = 1024 * 1024;

/** A WebVTT file of these blocks, as an editor writes it. */
const vtt = (...blocks: string[]) => ["WEBVTT", ...blocks].join("\n\n") + "\n";
const convert = (text: string) => toWebVtt(Buffer.from(text));

/** Why a file is refused, as its sender reads it. */
function refusal(file: string | Uint8Array): { code: string; message: string } {
  try {
    toWebVtt(typeof file === "string" ? Buffer.from(file) : file);
  } catch (error) {
    if (error instanceof MediaError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
  throw new Error("the file was taken");
}

const CUE = "00:00:01.000 --> 00:00:04.000\nHello";

describe("captions are refused", () => {
  it.each([
    ["a time without thousandths", "00:00:01 --> 00:00:04.000\nHello"],
    ["a time of sixty seconds", "00:00:60.000 --> 00:01:04.000\nHello"],
    ["a time of words", "now --> then\nHello"],
    ["no end", "00:00:01.000 -->\nHello"],
    ["an end before the start", "00:00:04.000 --> 00:00:01.000\nHello"],
    ["an end at the start", "00:00:04.000 --> 00:00:04.000\nHello"],
    ["an arrow in the text, which begins another cue", "00:01.000 --> 00:02.000\n-->"],
    ["text without a time", "Hello"],
    ["an arrow behind two lines of no cue", "a\nb\n00:01.000 --> 00:02.000\nHello"],
  ])("with their line when a WebVTT file has %s", (_what, block) => {
    const { code, message } = refusal(vtt(CUE, block));
    expect(code).toBe("CAPTIONS_UNREADABLE");
    expect(message).toMatch(/^Line [67]: /);
  });

  it("with the line of the arrow where an identifier stands before it", () => {
    expect(refusal(vtt(CUE, "second\n00:09 --> 00:10\nHello")).message).toMatch(/^Line 7: /);
    expect(refusal("1\n00:00:01,000 --> 4\nHello\n").message).toMatch(/^Line 2: /);
  });

  it("when a SubRip file has a block without a time", () => {
    const srt = "1\n00:00:01,000 --> 00:00:04,000\nHello\n\nlost\n";
    expect(refusal(srt)).toMatchObject({ code: "CAPTIONS_UNREADABLE" });
    expect(refusal(srt).message).toMatch(/^Line 5: /);
  });

  it("when the file is anything else", () => {
    for (const file of ["Dear diary", "WEBVTTX\n\n" + CUE, "<html></html>", '{"cues": []}']) {
      expect(refusal(file)).toMatchObject({ code: "CAPTIONS_UNREADABLE" });
    }
  });

  it("when the bytes are no text", () => {
    const latin1 = Buffer.from(vtt("00:01.000 --> 00:02.000\nGrüße"), "latin1");
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const halfPair = Buffer.from([0xff, 0xfe, 0x3d, 0xd8]);
    for (const file of [latin1, png, halfPair]) {
      expect(refusal(file)).toMatchObject({
        code: "CAPTIONS_UNREADABLE",
        message: "The file is not UTF-8 text",
      });
    }
  });

  it("when there is nothing to show", () => {
    for (const file of [
      "",
      "\ufeff",
      "\n\n\n",
      "WEBVTT",
      vtt("NOTE nothing yet"),
      vtt("STYLE\na"),
    ]) {
      expect(refusal(file)).toMatchObject({ code: "CAPTIONS_EMPTY" });
    }
    expect(refusal(vtt("00:01.000 --> 00:02.000"))).toMatchObject({ code: "CAPTIONS_EMPTY" });
    const fontOnly = "1\n00:00:01,000 --> 00:00:04,000\n<font color=red></font>{\\an8}\n";
    expect(refusal(fontOnly)).toMatchObject({ code: "CAPTIONS_EMPTY" });
  });

  it("when they are more than 20,000", () => {
    const cues = (count: number) => vtt(...Array<string>(count).fill("00:00.000 --> 00:01.000\na"));
    expect(convert(cues(20_000)).match(/-->/g)).toHaveLength(20_000);
    expect(refusal(cues(20_001))).toMatchObject({ code: "CAPTIONS_TOO_MANY_CUES" });
  });
});

describe("WebVTT", () => {
  it("keeps identifiers, settings, text and overlaps", () => {
    const file = vtt(
      "intro\n00:00:01.000 --> 00:00:04.000 line:0 position:20%,line-left size:35.5% align:start\n<v Asha>Hello <i>there</i>\n& so on",
      "00:00:02.000 --> 00:00:03.000 vertical:rl line:-1,center\nMeanwhile",
    );
    expect(convert(file)).toBe(file);
  });

  it("is written with hours, in the order of the starts", () => {
    const file = vtt(
      "100:00:00.000 --> 100:00:01.001\nlate",
      "00:02.000-->00:03.000\nsecond",
      "\t 00:01.000\t-->  0:00:03.500 \nfirst",
    );
    expect(convert(file)).toBe(
      vtt(
        "00:00:01.000 --> 00:00:03.500\nfirst",
        "00:00:02.000 --> 00:00:03.000\nsecond",
        "100:00:00.000 --> 100:00:01.001\nlate",
      ),
    );
  });

  it("ends its lines with LF, CR or CRLF, may begin with a byte order mark and end without a line break", () => {
    for (const end of ["\n", "\r", "\r\n"]) {
      const file = `\ufeffWEBVTT - Walk${end}Kind: captions${end}${end}${CUE.replace("\n", end)}`;
      expect(convert(file)).toBe(vtt(CUE));
    }
  });

  it("may be UTF-16 of either kind, with its byte order mark", () => {
    const file = vtt("00:00:01.000 --> 00:00:04.000\nनमस्ते 😀");
    const little = Buffer.from(`\ufeff${file}`, "utf16le");
    expect(toWebVtt(little)).toBe(file);
    expect(toWebVtt(Buffer.from(little).swap16())).toBe(file);
  });

  it("loses comments and style sheets, which would reach into the pages that play it", () => {
    const css = "STYLE\n::cue { background: url(https://evil.example/) }";
    const file = vtt(css, "NOTE to self", "NOTE\nmore\nlines", CUE, css);
    expect(convert(file)).toBe(vtt(CUE));
  });

  it("keeps regions that stand before the first cue", () => {
    const region = "REGION\nid:top\nwidth:40%\nlines:3\nregionanchor:0%,100%\nscroll:up";
    const file = vtt(region, "00:00:01.000 --> 00:00:04.000 region:top\nHello");
    expect(convert(file)).toBe(file);
    expect(convert(vtt(CUE, region))).toBe(vtt(CUE));
    expect(convert(vtt("REGION \nid:top x:y width:wide\nlines:3", CUE))).toBe(
      vtt("REGION\nid:top\nlines:3", CUE),
    );
  });

  it("loses settings that WebVTT does not know", () => {
    const settings =
      "align:middle onclick:x line: size:40 region:a-->b --> constructor:x align:end";
    expect(convert(vtt(`00:01.000 --> 00:02.000 ${settings}\nHello`))).toBe(
      vtt("00:00:01.000 --> 00:00:02.000 align:end\nHello"),
    );
  });

  it("begins another cue at an arrow, with or without a blank line before", () => {
    const file = "WEBVTT\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb\n";
    expect(convert(file)).toBe(
      vtt("00:00:01.000 --> 00:00:02.000\na", "00:00:03.000 --> 00:00:04.000\nb"),
    );
  });

  it("has U+FFFD in the place of NUL", () => {
    expect(convert(vtt("00:00:01.000 --> 00:00:04.000\na\0b"))).toContain("a\ufffdb");
  });
});

describe("SubRip", () => {
  it("becomes WebVTT, with a byte order mark and CRLF as its editors write it", () => {
    const srt = [
      "\ufeff1",
      "00:00:01,000 --> 00:00:04,000",
      "Hello,",
      "Jaipur!",
      "",
      "2",
      "00:00:05,250 --> 00:00:06,500 X1:10 X2:20 Y1:1 Y2:2",
      "Bye",
      "",
    ].join("\r\n");
    expect(convert(srt)).toBe(
      vtt("00:00:01.000 --> 00:00:04.000\nHello,\nJaipur!", "00:00:05.250 --> 00:00:06.500\nBye"),
    );
  });

  it("keeps italics, bold and underline, loses fonts and positions, and shows all else as it stands", () => {
    for (const [text, shown] of [
      ["<I>a</I> <b>b</b> <u>c</u>", "<i>a</i> <b>b</b> <u>c</u>"],
      ['<font color="#ff0000">red</font><FONT>', "red"],
      ["{\\an8}top {\\pos(1,2)}left", "top left"],
      ["1 < 2 & 3 > 2, Tom &amp; Jerry", "1 &lt; 2 &amp; 3 &gt; 2, Tom &amp; Jerry"],
      ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
      ["that --> way", "that --&gt; way"],
      ["{unclosed <fontaine>", "{unclosed &lt;fontaine&gt;"],
    ]) {
      const srt = `1\n00:00:01,000 --> 00:00:04,000\n${text}\n`;
      expect(convert(srt)).toBe(vtt(`00:00:01.000 --> 00:00:04.000\n${shown}`));
    }
  });

  it("may lack numbers and blank lines, and have blank lines with spaces", () => {
    const srt =
      "00:00:01,000 --> 00:00:02,000\n1984\n2\n00:00:03.000 --> 00:00:04.000\nb\n \n\n9\n00:00:05,000 --> 00:00:06,000\nc";
    expect(convert(srt)).toBe(
      vtt(
        "00:00:01.000 --> 00:00:02.000\n1984",
        "00:00:03.000 --> 00:00:04.000\nb",
        "00:00:05.000 --> 00:00:06.000\nc",
      ),
    );
  });

  it("keeps a number that is the text", () => {
    const srt = "1\n00:00:01,000 --> 00:00:02,000\n10\n\n2\n00:00:03,000 --> 00:00:04,000\n9\n";
    expect(convert(srt)).toBe(
      vtt("00:00:01.000 --> 00:00:02.000\n10", "00:00:03.000 --> 00:00:04.000\n9"),
    );
  });
});

describe("a hostile megabyte", () => {
  const fill = (text: string) => text.repeat(Math.ceil(MB / text.length)).slice(0, MB);
  const pieces = [
    ...["-->", "-->\n", "<", "<font ", "<i", "{\\", "{", "&", "\n", "\r", "\0", " ", "\t", ":"],
    ...["0", "1\n", "0:", "00:", "a\n\n", "NOTE\n\n", "REGION\nid:", "STYLE\n\n", "WEBVTT\n"],
    ...[
      "00:00:01,000 --> ",
      "00:00:01,000 --> 00:00:04,000\n",
      "00:01.000 --> 00:02.000\n\n",
      "x ",
    ],
  ];
  const frames: [string, (middle: string) => string][] = [
    ["alone", (middle) => middle],
    ["behind WEBVTT", (middle) => `WEBVTT\n\n${middle}`],
    ["as SubRip text", (middle) => `00:00:01,000 --> 00:00:04,000\na${middle}`],
    ["as WebVTT text", (middle) => `WEBVTT\n\n00:00:01.000 --> 00:00:04.000\na${middle}`],
    ["as settings", (middle) => `WEBVTT\n\n00:00:01.000 --> 00:00:04.000 ${middle}\na`],
    ["as a time", (middle) => `WEBVTT\n\n${middle} --> 00:00:04.000\na`],
  ];

  // What takes more than the time of its length does not come back within the test's time.
  it.each(frames)("of any one piece %s is taken or refused, at once", (_where, frame) => {
    for (const piece of pieces) {
      const file = frame(fill(piece));
      try {
        const written = convert(file);
        expect(convert(written)).toBe(written);
      } catch (error) {
        expect(error).toBeInstanceOf(MediaError);
      }
    }
  });
});
