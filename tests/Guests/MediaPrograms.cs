using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>Encoders: SSE to AVX2 assembly, threads.</summary>
public sealed class MediaPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } = new GuestProgram[]
    {
        Run("x264", "x264 --quiet --no-progress --log-level error --threads 1 --preset medium --crf 24 -o out.264 video.y4m", "video.y4m") with { ComparedLines = "^(?!encoded )", Limit = TimeSpan.FromMinutes(4) },
        Run("x264-threads", "x264 --quiet --no-progress --log-level error --threads 2 --preset veryfast --qp 28 -o out.264 video.y4m", "video.y4m") with { ComparedLines = "^(?!encoded )", Limit = TimeSpan.FromMinutes(4) },
        Run("ffmpeg-mpeg4", "ffmpeg -nostdin -loglevel error -bitexact -i video.y4m -threads 1 -flags bitexact -c:v mpeg4 -q:v 5 -f avi out.avi", "video.y4m") with { Limit = TimeSpan.FromMinutes(4) },
        Run("ffmpeg-decode", "ffmpeg -nostdin -loglevel error -bitexact -i in.264 -f framemd5 -", "video.y4m") with
        {
            Prepare = "x264 --quiet --no-progress --log-level error --threads 1 -o in.264 video.y4m 2> /dev/null",
            Needs = ["ffmpeg", "x264"],
            Limit = TimeSpan.FromMinutes(4),
        },
        Run("ffmpeg-audio", "ffmpeg -nostdin -loglevel error -bitexact -f lavfi -i sine=frequency=440:duration=2 -af aresample=22050 -c:a pcm_s16le -f framemd5 -") with { Limit = TimeSpan.FromMinutes(4) },
        Run("ffmpeg-scale", "ffmpeg -nostdin -loglevel error -bitexact -i video.y4m -vf scale=97:55:flags=bicubic+bitexact+accurate_rnd -f framemd5 -", "video.y4m") with { Limit = TimeSpan.FromMinutes(4) },
    }.InTiers(Tiers.NotCompiled);
}
