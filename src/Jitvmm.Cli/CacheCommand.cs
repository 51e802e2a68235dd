using Jitvmm.Inspector.Assemblies;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Cli;

/// <summary><c>jitvmm cache</c>.</summary>
internal static class CacheCommand
{
    public static int Run(CacheCommandLine line)
    {
        try
        {
            if (line.Subcommand == CacheCommandLine.Top)
            {
                return TopCommand.Run(line);
            }

            CacheView view = Open(line);
            Report? report = Make(line, view);
            if (report == null)
            {
                Console.Error.WriteLine($"jitvmm: {line.Words[0]} is neither an address nor a symbol of the cache");
                return ExitCodes.VmmError;
            }

            Write(report, line.Json);
            return report.Failed ? ExitCodes.VerificationFailed : ExitCodes.Success;
        }
        catch (SymbolFileException error)
        {
            Console.Error.WriteLine($"jitvmm: symbol file {error.Message}");
            return ExitCodes.VmmError;
        }
        catch (CacheFileException error)
        {
            Console.Error.WriteLine($"jitvmm: cache file {error.Message}");
            return ExitCodes.VmmError;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"jitvmm: {error.Message}");
            return ExitCodes.VmmError;
        }
        catch (AttachException error)
        {
            Console.Error.WriteLine($"jitvmm: {error.Message}");
            return ExitCodes.VmmError;
        }
    }

    /// <summary>The cache that the subcommand is about.</summary>
    private static CacheView Open(CacheCommandLine line)
    {
        if (line.File is { } file)
        {
            return Open(file, line);
        }

        using AttachClient client = AttachClient.Attach(line.Process!.Value);
        return new CacheView(client.Read(), OwnSymbols(line));
    }

    private static CacheView Open(string path, CacheCommandLine line)
    {
        try
        {
            return new CacheView(CacheFile.Open(path), OwnSymbols(line));
        }
        catch (CacheFileException error)
        {
            throw new CacheFileException(error.Damage, $"{path}: {error.Message}", error);
        }
    }

    private static SymbolTable? OwnSymbols(CacheCommandLine line) => line.SymbolFile == null ? null : SymbolTable.Open(line.SymbolFile);

    /// <summary>Null when an address is none.</summary>
    private static Report? Make(CacheCommandLine line, CacheView view)
    {
        switch (line.Subcommand)
        {
            case "list":
                return ListReport.Make(view, line.Filter);
            case "exits":
                return ExitsReport.Make(view, line.Limit, line.ExitKind);
            case "invalidations":
                return InvalidationsReport.Make(view, line.Limit);
            case "sites":
                return SitesReport.Make(view, line.Limit);
            case "verify":
                return VerifyReport.Make(view, line.Limit);
            case "export":
                Report export = new("export");
                AssemblyExport.Write(export, view, line.AssemblyFile!);
                return export;
            case "diff":
                CacheView other = Open(line.Words[0], line);

                // A running guest is later than any file.
                return line.File == null ? DiffReport.Make(other, view, line.Limit) : DiffReport.Make(view, other, line.Limit);
        }

        return view.ParseAddress(line.Words[0]) is not { } address ? null : line.Subcommand switch
        {
            "show" => ShowReport.Make(view, address),
            "explain" => ExplainReport.Make(view, address),
            "graph" => GraphReport.Make(view, address, line.Dot),
            _ => throw new UsageException($"unknown subcommand {line.Subcommand}"),
        };
    }

    private static void Write(Report report, bool json)
    {
        try
        {
            using Stream stream = Console.OpenStandardOutput();
            if (json)
            {
                using var buffer = new BufferedStream(stream, 1 << 16);
                report.WriteJson(buffer);
                buffer.WriteByte((byte)'\n');
            }
            else
            {
                using var output = new StreamWriter(stream, new System.Text.UTF8Encoding(false), 1 << 16);
                report.WriteText(output);
            }
        }
        catch (IOException)
        {
            // Whoever read it wants no more.
        }
    }
}
