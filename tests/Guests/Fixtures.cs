using System.Globalization;
using System.Text;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Guests;

/// <summary>The input files of the rows: made from a fixed seed, or taken from <c>tests/Guests/programs</c>.</summary>
public static class Fixtures
{
    private static readonly string[] s_words =
    [
        "ache", "birch", "copper", "delta", "ember", "fjord", "glyph", "harbour", "isthmus", "juniper", "kestrel", "lantern", "meadow",
        "nectar", "obelisk", "pebble", "quartz", "ripple", "saffron", "thistle", "umber", "velvet", "willow", "xylem", "yarrow", "zephyr",
    ];

    public static void Write(string name, string path)
    {
        switch (name)
        {
            case "text":
                File.WriteAllText(path, Text(3_000, seed: 1));
                break;
            case "large-text":
                File.WriteAllText(path, Text(60_000, seed: 2));
                break;
            case "numbers":
                File.WriteAllText(path, Numbers(5_000, seed: 3));
                break;
            case "binary":
                File.WriteAllBytes(path, Binary(300_000, seed: 4));
                break;
            case "table.csv":
                File.WriteAllText(path, Table(2_000, seed: 5));
                break;
            case "data.json":
                File.WriteAllText(path, Json(800, seed: 6));
                break;
            case "video.y4m":
                File.WriteAllBytes(path, Video(160, 96, frames: 24));
                break;
            default:
                File.Copy(Path.Combine(RepositoryRoot.Path, "tests/Guests/programs", name), path);
                break;
        }
    }

    private static string Text(int lines, ulong seed)
    {
        var random = new Sequence(seed);
        var text = new StringBuilder();
        for (int line = 0; line < lines; line++)
        {
            int words = (int)(random.Next() % 12);
            for (int word = 0; word < words; word++)
            {
                text.Append(s_words[random.Next() % (ulong)s_words.Length]).Append(random.Next() % 9 == 0 ? ", " : " ");
            }

            text.Append(random.Next() % 100_000).Append('\n');
        }

        return text.ToString();
    }

    private static string Numbers(int count, ulong seed)
    {
        var random = new Sequence(seed);
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            text.Append((long)(random.Next() % 2_000_000) - 1_000_000).Append('\n');
        }

        return text.ToString();
    }

    private static byte[] Binary(int length, ulong seed)
    {
        var random = new Sequence(seed);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            // Half noise, half runs, so that compressors take all their paths.
            bytes[i] = (i >> 12 & 1) == 0 ? (byte)random.Next() : (byte)(i >> 7);
        }

        return bytes;
    }

    private static string Table(int rows, ulong seed)
    {
        var random = new Sequence(seed);
        var text = new StringBuilder("id,name,price,count\n");
        for (int row = 1; row <= rows; row++)
        {
            string price = ((random.Next() % 100_000) / 100.0).ToString("F2", CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"{row},{s_words[random.Next() % 26]},{price},{random.Next() % 50}\n");
        }

        return text.ToString();
    }

    private static string Json(int items, ulong seed)
    {
        var random = new Sequence(seed);
        IEnumerable<string> rows = Enumerable.Range(0, items).Select(i =>
            $"{{\"id\": {i}, \"name\": \"{s_words[random.Next() % 26]}\", \"tags\": [\"{s_words[random.Next() % 26]}\", null, true], \"weight\": {random.Next() % 1000}.5}}");
        return $"[{string.Join(",\n", rows)}]\n";
    }

    /// <summary>A moving gradient in 4:2:0, with noise that gives the encoder's motion search work.</summary>
    private static byte[] Video(int width, int height, int frames)
    {
        var random = new Sequence(7);
        using var stream = new MemoryStream();
        stream.Write(Encoding.ASCII.GetBytes($"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n"));
        for (int frame = 0; frame < frames; frame++)
        {
            stream.Write("FRAME\n"u8);
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++)
                {
                    stream.WriteByte((byte)(((x + (3 * frame)) ^ (y + frame)) + (int)(random.Next() % 7)));
                }
            }

            for (int i = 0; i < width * height / 2; i++)
            {
                stream.WriteByte((byte)(128 + ((i + (5 * frame)) % 40)));
            }
        }

        return stream.ToArray();
    }

    /// <summary>SplitMix64: the same numbers on every runtime.</summary>
    private sealed class Sequence(ulong seed)
    {
        private ulong _state = seed;

        public ulong Next()
        {
            _state += 0x9e3779b97f4a7c15;
            ulong z = _state;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return z ^ (z >> 31);
        }
    }
}
