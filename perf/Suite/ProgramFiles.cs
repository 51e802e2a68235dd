using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring;

namespace Jitvmm.Perf.Suite;

/// <summary>The folder programs run in, with their inputs, which are the same each time.</summary>
internal sealed class ProgramFiles : IDisposable
{
    private const int TextLines = 900_000;
    private const int SmallLines = 80_000;
    private const int Functions = 200;

    /// <summary>Read as zeros and on no disk: what digests and ciphers take seconds for, the fastest cipher more.</summary>
    private const long Zeros = 5L << 29;
    private const long ManyZeros = 6L << 30;

    private ulong _state = 1;

    public ProgramFiles()
    {
        // Not in /tmp: the guest's is its own.
        Folder = Directory.CreateDirectory(Path.Combine(SourceTree.Root, ".cache", $"perf-work-{Environment.ProcessId}")).FullName;
        foreach (string file in Directory.GetFiles(Path.Combine(SourceTree.Root, "perf/Guests/programs"), "work.*"))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)));
        }

        WriteText("text", TextLines);
        WriteText("small", SmallLines);
        WriteSource("large.c");
        WriteZeros("zeros", Zeros);
        WriteZeros("many-zeros", ManyZeros);
    }

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void WriteZeros(string name, long bytes)
    {
        using FileStream zeros = File.Create(Path.Combine(Folder, name));
        zeros.SetLength(bytes);
    }

    private void WriteText(string name, int lines)
    {
        string[] words = ["ache", "birch", "copper", "delta", "ember", "fjord", "glyph", "harbour", "isthmus", "juniper", "kestrel", "lantern"];
        using var text = new StreamWriter(Path.Combine(Folder, name), append: false, Encoding.ASCII);
        for (int line = 0; line < lines; line++)
        {
            for (int count = Next(12); count > 0; count--)
            {
                text.Write(words[Next(words.Length)]);
                text.Write(Next(9) == 0 ? ", " : " ");
            }

            text.Write(Next(100_000).ToString(CultureInfo.InvariantCulture));
            text.Write('\n');
        }
    }

    /// <summary>Functions as people write them, of loops, switches and calls, each a little different.</summary>
    private void WriteSource(string name)
    {
        using var text = new StreamWriter(Path.Combine(Folder, name), append: false, Encoding.ASCII);
        text.Write("typedef unsigned long u64;\nstruct item { u64 key; double weight; struct item *next; };\nextern u64 consume(u64, const struct item *);\n");
        for (int i = 0; i < Functions; i++)
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $$"""
                u64 work{{i}}(struct item *list, const u64 *values, int count)
                {
                    u64 sum = {{Next(1000)}};
                    double weight = {{Next(100)}}.5;
                    for (int i = 0; i < count; i++) {
                        switch (values[i] & 7) {
                        case 0: sum += values[i] * {{Next(90)}}; break;
                        case 1: sum ^= values[i] >> {{1 + Next(30)}}; break;
                        case 2: sum = consume(sum, list); break;
                        case 3: weight += list->weight * {{1 + Next(9)}}; list = list->next; break;
                        default: sum += i % {{2 + Next(60)}} ? values[i] / {{3 + Next(97)}} : (u64)weight;
                        }
                    }
                    for (struct item *at = list; at; at = at->next)
                        if (at->key % {{2 + Next(17)}} == {{Next(2)}} && at->weight > weight)
                            at->key = sum{{(i == 0 ? "" : $" + work{i - 1}(at, values, count / 2)")}};
                    return sum + (u64)(weight * {{1 + Next(7)}});
                }

                """).Replace("\r", "", StringComparison.Ordinal));
            text.Write('\n');
        }
    }

    /// <summary>splitmix64.</summary>
    private int Next(int limit)
    {
        _state += 0x9e3779b97f4a7c15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (int)((z ^ (z >> 31)) % (ulong)limit);
    }
}
