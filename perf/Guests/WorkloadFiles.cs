using System.Text;

namespace Jitvmm.Perf.Guests;

/// <summary>The folder the workloads run in, with their inputs.</summary>
internal static class WorkloadFiles
{
    public static string Create()
    {
        // Under the build output, not /tmp: the guest's /tmp is its own.
        string folder = Path.Combine(AppContext.BaseDirectory, "work-" + Environment.ProcessId);
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Path.Combine(Measurement.Root(), "perf/Guests/programs"), "?ork.*"))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        ulong state = 1;
        File.WriteAllText(Path.Combine(folder, "large.txt"), Text(120_000, ref state));
        byte[] binary = new byte[24 << 20];
        for (int i = 0; i < binary.Length; i++)
        {
            binary[i] = (i >> 12 & 1) == 0 ? (byte)Next(ref state) : (byte)(i >> 7);
        }

        File.WriteAllBytes(Path.Combine(folder, "large.bin"), binary);
        WriteVideo(Path.Combine(folder, "video.y4m"), ref state);
        return folder;
    }

    private static string Text(int lines, ref ulong state)
    {
        string[] words = ["ache", "birch", "copper", "delta", "ember", "fjord", "glyph", "harbour", "isthmus", "juniper", "kestrel", "lantern"];
        var text = new StringBuilder();
        for (int line = 0; line < lines; line++)
        {
            for (ulong count = Next(ref state) % 12; count > 0; count--)
            {
                text.Append(words[Next(ref state) % (ulong)words.Length]).Append(Next(ref state) % 9 == 0 ? ", " : " ");
            }

            text.Append(Next(ref state) % 100_000).Append('\n');
        }

        return text.ToString();
    }

    private static void WriteVideo(string path, ref ulong state)
    {
        const int Width = 352;
        const int Height = 288;
        using FileStream stream = File.Create(path);
        stream.Write(Encoding.ASCII.GetBytes($"YUV4MPEG2 W{Width} H{Height} F25:1 Ip A1:1 C420jpeg\n"));
        byte[] frame = new byte[Width * Height * 3 / 2];
        for (int number = 0; number < 60; number++)
        {
            for (int i = 0; i < frame.Length; i++)
            {
                int x = i % Width;
                int y = i / Width;
                frame[i] = y < Height ? (byte)(((x + (3 * number)) ^ (y + number)) + (int)(Next(ref state) % 7)) : (byte)(128 + ((i + (5 * number)) % 40));
            }

            stream.Write("FRAME\n"u8);
            stream.Write(frame);
        }
    }

    private static ulong Next(ref ulong state)
    {
        state += 0x9e3779b97f4a7c15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
