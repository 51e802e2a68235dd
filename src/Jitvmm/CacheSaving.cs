using System.Globalization;
using System.Reflection;
using System.Text;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Recording;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Symbols;
using Jitvmm.Linux;
using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Memory;

namespace Jitvmm;

/// <summary>Describes what was recorded of a guest's translations: for the file that its options name, when it ends, and for whoever attaches to it while it runs.</summary>
internal sealed class CacheSaving
{
    private const string ProcessIdPattern = "%p";

    private readonly string? _path;
    private readonly RecordingRequest _request;
    private readonly CacheRecorder _recorder;

    /// <summary>Of files that were read before; null for those that have none that can be read.</summary>
    private readonly Dictionary<string, ElfSymbols?> _symbols = [];
    private readonly string _started = DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture);

    /// <param name="request">What is recorded for.</param>
    /// <param name="recorder">What records.</param>
    public CacheSaving(RecordingRequest request, CacheRecorder recorder)
    {
        // The guest may change the current folder.
        _path = request.CacheFile == null ? null : Path.GetFullPath(request.CacheFile);
        _request = request;
        _recorder = recorder;
    }

    /// <summary>
    /// Lets .NET's tools see what is recorded. Not of processes: a fork's child would lose the threads that tell them, in whatever state they are (decision 0502).
    /// </summary>
    public void TellEvents()
    {
        _recorder.Events = JitvmmEventSource.Log;
        JitvmmEventSource.Log.Follow(_recorder);
    }

    /// <summary>Whether a file can be made there, as far as that can be told before.</summary>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static string? Check(string path)
    {
        string full = Path.GetFullPath(path);
        return Directory.Exists(full) ? "is a folder" : !Directory.Exists(Path.GetDirectoryName(full)) ? "its folder does not exist" : null;
    }

    /// <summary>Saves a process that ends: the one that was started, or each, if the file's name has a place for the number of the process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="options">Its options.</param>
    /// <param name="jitDump">Its file for perf, if it has one.</param>
    /// <returns>What went wrong; null when nothing did.</returns>
    public string? Save(LinuxProcess process, ProcessGuestOptions options, JitDump? jitDump)
    {
        string? path = process.IsTopLevel || _path?.Contains(ProcessIdPattern, StringComparison.Ordinal) == true ? _path : null;
        if (path == null && !_request.PerfMap && jitDump == null)
        {
            return null;
        }

        CacheFileWriter writer = Describe(process, options);
        return Write(writer, jitDump, path?.Replace(ProcessIdPattern, process.Pid.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), process.Pid);
    }

    /// <summary>Saves a machine.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="jitDump">Its file for perf, if it has one.</param>
    /// <returns>What went wrong; null when nothing did.</returns>
    public string? Save(MachineGuestOptions options, JitDump? jitDump) => _request.HasFiles ? Write(Describe(options), jitDump, _path, Environment.ProcessId) : null;

    /// <summary>What was asked for of compiled code, as text.</summary>
    public static string Dump(CacheFileWriter recorded, IReadOnlyList<CodeDumpRequest> requests)
    {
        using var file = new MemoryStream();
        recorded.Write(file);
        CacheView view = new(CacheFile.Read(file.ToArray()));
        var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (CodeDumpRequest request in requests)
        {
            CodeDump.Write(text, view, request.Form, request.Place);
        }

        return text.ToString();
    }

    /// <summary>What was recorded of a process so far. One thread at a time.</summary>
    public CacheFileWriter Describe(LinuxProcess process, ProcessGuestOptions options)
    {
        CacheFileWriter writer = Describe("process", options.Tier);
        writer.AddFact("program", process.ExecutablePath is { Length: > 0 } path ? Encoding.UTF8.GetString(path) : options.Program);
        writer.AddFact("pid", process.Pid.ToString(CultureInfo.InvariantCulture));
        _recorder.Describe(writer);
        lock (_symbols)
        {
            AddModules(writer, process.Map.Snapshot());
        }

        return writer;
    }

    /// <summary>What was recorded of a machine so far.</summary>
    public CacheFileWriter Describe(MachineGuestOptions options)
    {
        CacheFileWriter writer = Describe("machine", options.Tier);
        writer.AddFact("program", options.Kernel ?? options.Bios ?? "demonstration kernel");
        writer.AddFact("hypervisor", options.Hypervisor.Kind.ToString());
        _recorder.Describe(writer);
        return writer;
    }

    private CacheFileWriter Describe(string kind, ExecutionTier tier)
    {
        CacheFileWriter writer = new();
        writer.AddFact("guest", kind);
        writer.AddFact("jitvmm", typeof(CacheSaving).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "");
        writer.AddFact("started", _started);
        writer.AddFact("tier", tier switch { ExecutionTier.Interpret => "0", ExecutionTier.Compile => "1", _ => "auto" });
        return writer;
    }

    private string? Write(CacheFileWriter writer, JitDump? jitDump, string? path, int processId)
    {
        string current = path ?? "";
        try
        {
            if (path != null)
            {
                writer.Write(path);
            }

            if (_request.PerfMap)
            {
                current = PerfMap.PathOf(processId);
                PerfMap.Write(writer, current);
            }

            if (jitDump != null)
            {
                current = jitDump.Path;
                jitDump.Write(writer, _recorder.Start);
            }

            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return $"{current}: {FileErrors.ReasonOf(current, error)}";
        }
    }

    /// <summary>Files the guest has code of, and the symbols of what ran.</summary>
    private void AddModules(CacheFileWriter writer, Vma[] areas)
    {
        foreach (Vma area in areas)
        {
            if (area.File == null || (area.Access & PageAccess.Execute) == 0)
            {
                continue;
            }

            writer.AddModule(area.Start, area.End, area.Offset, area.File.Path);
            if (area.File.HostPath is { } path && SymbolsOf(path) is { } elf && elf.BiasOf(area.Start, area.Offset) is { } bias)
            {
                AddSymbols(writer, area, elf, bias);
            }
        }
    }

    private static void AddSymbols(CacheFileWriter writer, Vma area, ElfSymbols elf, ulong bias)
    {
        foreach (GuestSymbol symbol in elf.Functions)
        {
            ulong address = symbol.Address + bias;
            if (address >= area.Start && address < area.End && writer.Index.HasAny(address, Math.Max(symbol.Size, 1)))
            {
                writer.AddSymbol(address, symbol.Size, symbol.Name);
            }
        }
    }

    /// <summary>The symbols of a file. A program that has none, or is gone by now, is shown by its addresses.</summary>
    private ElfSymbols? SymbolsOf(string path)
    {
        if (!_symbols.TryGetValue(path, out ElfSymbols? symbols))
        {
            try
            {
                using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                symbols = ElfSymbols.Read(stream, path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or SymbolFileException)
            {
                symbols = null;
            }

            _symbols.Add(path, symbols);
        }

        return symbols;
    }
}
