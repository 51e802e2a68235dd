using System.Buffers.Binary;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Files;

/// <summary>
/// The file in which <c>perf inject --jit</c> finds generated code: each method's bytes, name and time (tools/perf/Documentation/jitdump-specification.txt, version 1), so that
/// <c>perf annotate</c> shows it, and knows methods apart that lay at one address after each other.
/// </summary>
/// <remarks>perf learns of the file as the process maps it executable: it is there from the start, and its records, which are read only afterwards, come at the end.</remarks>
public sealed class JitDump : IDisposable
{
    private const uint Magic = 0x4A695444;
    private const uint Version = 1;
    private const int HeaderLength = 40;
    private const int PrefixLength = 16;
    private const uint CodeLoad = 0;
    private const uint CodeClose = 3;

    /// <summary>ELF's number of x86-64.</summary>
    private const uint ElfMachine = 62;
    private const ulong NanosecondsPerMillisecond = 1_000_000;

    private readonly FileStream _stream;
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly uint _process;

    private JitDump(FileStream stream, int process)
    {
        _stream = stream;
        _process = (uint)process;
        _stream.Write(Header());
        _stream.Flush();
        _map = MemoryMappedFile.CreateFromFile(_stream, null, 0, MemoryMappedFileAccess.ReadExecute, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.ReadExecute);
    }

    /// <summary>The file's full path.</summary>
    public string Path => _stream.Name;

    /// <summary>Begins the file of a process. One of that name is replaced; a link is never followed.</summary>
    /// <param name="folder">Where; the name is what perf expects, <c>jit-PID.dump</c>.</param>
    /// <param name="process">The process, which is the one that calls.</param>
    /// <exception cref="IOException">It cannot be made there.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public static JitDump Create(string folder, int process)
    {
        string path = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"jit-{process}.dump")));
        File.Delete(path);
        FileStream stream = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
        try
        {
            return new JitDump(stream, process);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Writes the regions that were recorded, named after the guest's symbols, and ends the file.</summary>
    /// <param name="content">What a cache file would have.</param>
    /// <param name="start">When recording began, in milliseconds of <see cref="Environment.TickCount64"/>, which is the monotonic clock: of <c>perf record -k mono</c>.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(CacheFileWriter content, long start)
    {
        ArgumentNullException.ThrowIfNull(content);
        SymbolTable symbols = content.MakeSymbols();
        ReadOnlySpan<BlockRecord> blocks = CollectionsMarshal.AsSpan(content.Blocks);
        ulong index = 0;
        ulong time = 0;
        foreach (RegionRecord region in content.Regions)
        {
            if (region.HostLength > 0)
            {
                time = (ulong)(start + region.Made) * NanosecondsPerMillisecond;
                ulong head = blocks[(int)region.Head].Address;
                WriteLoad(time, region.HostAddress, index++, PerfMap.NameOf(symbols, head), content.HostCode.Bytes.Slice((int)region.HostOffset, (int)region.HostLength));
            }
        }

        WritePrefix(CodeClose, PrefixLength, time);
        _stream.Flush();
    }

    /// <summary>Ends the mapping, which perf has seen.</summary>
    public void Dispose()
    {
        _view.Dispose();
        _map.Dispose();
        _stream.Dispose();
    }

    private byte[] Header()
    {
        byte[] header = new byte[HeaderLength];
        uint[] words = [Magic, Version, HeaderLength, ElfMachine, 0, _process];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(i * sizeof(uint)), words[i]);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(words.Length * sizeof(uint)), (ulong)Environment.TickCount64 * NanosecondsPerMillisecond);
        return header;
    }

    private void WriteLoad(ulong time, ulong address, ulong index, string name, ReadOnlySpan<byte> code)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(name), 0];
        Span<byte> fields = stackalloc byte[(2 * sizeof(uint)) + (4 * sizeof(ulong))];
        BinaryPrimitives.WriteUInt32LittleEndian(fields, _process);
        BinaryPrimitives.WriteUInt32LittleEndian(fields[sizeof(uint)..], _process);
        ReadOnlySpan<ulong> places = [address, address, (ulong)code.Length, index];
        for (int i = 0; i < places.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(fields[((2 * sizeof(uint)) + (i * sizeof(ulong)))..], places[i]);
        }

        WritePrefix(CodeLoad, PrefixLength + fields.Length + text.Length + code.Length, time);
        _stream.Write(fields);
        _stream.Write(text);
        _stream.Write(code);
    }

    private void WritePrefix(uint kind, int length, ulong time)
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        BinaryPrimitives.WriteUInt32LittleEndian(prefix, kind);
        BinaryPrimitives.WriteUInt32LittleEndian(prefix[sizeof(uint)..], (uint)length);
        BinaryPrimitives.WriteUInt64LittleEndian(prefix[(2 * sizeof(uint))..], time);
        _stream.Write(prefix);
    }
}
