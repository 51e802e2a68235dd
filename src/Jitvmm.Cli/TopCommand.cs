using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Cli;

/// <summary><c>jitvmm cache top</c>.</summary>
internal static class TopCommand
{
    /// <summary>Lines above the table of blocks: facts, exits by kind, blanks and titles.</summary>
    private const int LinesAbove = 26;

    private const int FewestRows = 5;

    public static int Run(CacheCommandLine line)
    {
        using AttachClient client = AttachClient.Attach(line.Process!.Value);
        SymbolTable? symbols = line.SymbolFile == null ? null : SymbolTable.Open(line.SymbolFile);
        bool isTerminal = !line.Json && !Console.IsOutputRedirected;
        using Stream output = Console.OpenStandardOutput();
        CacheFile before = client.Read();
        for (int i = 0; line.Count == 0 || i < line.Count; i++)
        {
            Thread.Sleep(line.Interval);
            CacheFile now;
            try
            {
                now = client.Read();
            }
            catch (AttachException error) when (error.HasEnded)
            {
                Console.Error.WriteLine($"jitvmm: {error.Message}");
                return ExitCodes.Success;
            }

            int limit = isTerminal ? Math.Max(FewestRows, Console.WindowHeight - LinesAbove) : line.Limit;
            Report report = TopReport.Make(new CacheView(now, symbols), new CacheRates(before, now), limit);
            if (!TryWrite(output, report, line.Json, isTerminal ? "\u001b[H\u001b[J" : i > 0 && !line.Json ? "\n" : ""))
            {
                return ExitCodes.Success;
            }

            before = now;
        }

        return ExitCodes.Success;
    }

    /// <summary>False when whoever read it wants no more.</summary>
    private static bool TryWrite(Stream output, Report report, bool json, string first)
    {
        // In one piece: a terminal would flicker, and a reader of lines see half of one.
        using var buffer = new MemoryStream();
        buffer.Write(System.Text.Encoding.UTF8.GetBytes(first));
        if (json)
        {
            report.WriteJson(buffer, indented: false);
            buffer.WriteByte((byte)'\n');
        }
        else
        {
            using var text = new StreamWriter(buffer, new System.Text.UTF8Encoding(false), leaveOpen: true);
            report.WriteText(text);
        }

        try
        {
            output.Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
            output.Flush();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
