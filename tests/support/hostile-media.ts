/**
 * The text files that make an unconfined ffmpeg open other files or addresses, by what they are.
 * `origin` is a host with its port, `folder` the one with the files to be protected.
 */
export function hostileFiles(origin: string, folder: string): Record<string, string> {
  const playlist = (entry: string) =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5.0,\n${entry}\n#EXT-X-ENDLIST\n`;
  const list = (entry: string) => `ffconcat version 1.0\nfile ${entry}\n`;
  return {
    "an HLS playlist of a network address": playlist(`http://${origin}/a.ts`),
    "an HLS playlist of a neighbour file": playlist("neighbour.ts"),
    "an HLS playlist of a system file": playlist(`file://${folder}/canary.txt`),
    "an ffconcat list of a neighbour file": list("neighbour.mp4"),
    "an ffconcat list of an absolute path": list(`'${folder}/canary.txt'`),
    "an ffconcat list of a network address": list(`'http://${origin}/a'`),
    "a DASH manifest of a network address": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://${origin}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    "an SDP description of a network address": `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
  };
}
