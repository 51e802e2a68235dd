using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Loading;

/// <summary>Where a loaded program begins, and what the auxiliary vector says of it.</summary>
/// <param name="Start">First instruction: the dynamic loader's, or the program's own.</param>
/// <param name="Entry">The program's entry (AT_ENTRY).</param>
/// <param name="Headers">Its program headers in memory (AT_PHDR).</param>
/// <param name="HeaderCount">AT_PHNUM.</param>
/// <param name="InterpreterBase">AT_BASE; 0 without a dynamic loader.</param>
/// <param name="Vdso">AT_SYSINFO_EHDR.</param>
internal readonly record struct LoadedProgram(ulong Start, ulong Entry, ulong Headers, int HeaderCount, ulong InterpreterBase, ulong Vdso);

/// <summary>Maps a program, its dynamic loader and the vDSO into an empty address space.</summary>
internal sealed unsafe class ProgramLoader(AddressSpace memory, MemoryMap map)
{
    private const ulong PageMask = AddressSpace.PageSize - 1;
    private static readonly MappedFile s_vdso = new("[vdso]", 0, 0);

    /// <exception cref="LoadException">The segments do not fit beside each other or into the memory limit.</exception>
    public LoadedProgram Load(ElfImage image, ExecutableFile file, ElfImage? interpreter, ExecutableFile? interpreterFile)
    {
        ulong bias = 0;
        if (image.IsRelocatable)
        {
            // A dynamic loader that is run as a program must leave the place of programs to the one it loads.
            ulong size = image.High - image.Low;
            ulong wanted = (LinuxLayout.PieBase & ~(image.Alignment - 1)) - image.Low;
            bias = interpreter != null && AddressSpace.InWindow(wanted + image.Low, size) ? wanted : FindPlace(size, image);
        }

        MapSegments(image, file, bias);
        map.StartBreak(image.High + bias);
        ulong start = image.Entry + bias;
        ulong interpreterBase = 0;
        if (interpreter != null)
        {
            ulong interpreterBias = interpreter.IsRelocatable ? FindPlace(interpreter.High - interpreter.Low, interpreter) : 0;
            MapSegments(interpreter, interpreterFile!, interpreterBias);
            interpreterBase = interpreter.Low + interpreterBias;
            start = interpreter.Entry + interpreterBias;
        }

        return new LoadedProgram(start, image.Entry + bias, image.HeadersAddress + bias, image.HeaderCount, interpreterBase, MapVdso());
    }

    private static LoadException NoRoom(ExecutableFile file, long error) =>
        new($"{file.DisplayPath}: does not fit into the guest's memory ({Errno.NameOf((int)-error)})", (int)-error);

    /// <summary>The relocation that puts an image into free memory.</summary>
    private ulong FindPlace(ulong size, ElfImage image)
    {
        ulong slack = image.Alignment - AddressSpace.PageSize;
        long place = map.Map(0, size + slack, PageAccess.None, MemoryMap.MapPrivate | MemoryMap.MapAnonymous | MemoryMap.MapNoReserve, -1, 0, null);
        if (place < 0)
        {
            throw new LoadException($"no {size} bytes of address space are free for the program", (int)-place);
        }

        map.Unmap((ulong)place, size + slack);
        return (((ulong)place + slack) & ~(image.Alignment - 1)) - (image.Low & ~(image.Alignment - 1));
    }

    private void MapSegments(ElfImage image, ExecutableFile file, ulong bias)
    {
        foreach (ElfSegment segment in image.Segments)
        {
            MapSegment(segment, file, bias);
        }
    }

    private void MapSegment(ElfSegment segment, ExecutableFile file, ulong bias)
    {
        ulong address = segment.Address + bias;
        ulong start = address & ~PageMask;
        ulong fileEnd = address + segment.FileSize;
        ulong filePages = (fileEnd + PageMask) & ~PageMask;
        ulong end = (address + segment.MemorySize + PageMask) & ~PageMask;
        bool hasTail = segment.MemorySize > segment.FileSize && filePages > fileEnd;
        PageAccess access = segment.Access;
        if (segment.FileSize > 0)
        {
            PageAccess first = hasTail ? access | PageAccess.Write : access;
            long result = map.Map(start, filePages - start, first, MemoryMap.MapPrivate | MemoryMap.MapFixed, file.HostFd, segment.Offset & ~PageMask, file.Identity);
            if (result < 0)
            {
                throw NoRoom(file, result);
            }

            if (hasTail && !HostCalls.TryFill(memory.HostBase + fileEnd, 0, filePages - fileEnd))
            {
                throw new LoadException($"{file.DisplayPath}: the file shrank while it was loaded", Errno.EIO);
            }

            if (first != access)
            {
                map.Protect(start, filePages - start, access);
            }
        }
        else
        {
            filePages = start;
        }

        if (end > filePages)
        {
            long result = map.Map(filePages, end - filePages, access, MemoryMap.MapPrivate | MemoryMap.MapAnonymous | MemoryMap.MapFixed, -1, 0, null);
            if (result < 0)
            {
                throw NoRoom(file, result);
            }
        }
    }

    private ulong MapVdso()
    {
        ReadOnlySpan<byte> code = Vdso.Code;
        long place = map.Map(0, (ulong)code.Length, PageAccess.Read | PageAccess.Write, MemoryMap.MapPrivate | MemoryMap.MapAnonymous, -1, 0, s_vdso);
        if (place < 0)
        {
            return 0;
        }

        // SAFETY: just mapped writable, and no guest thread runs yet.
        code.CopyTo(new Span<byte>(memory.HostBase + place, code.Length));
        map.Protect((ulong)place, (ulong)code.Length, PageAccess.Read | PageAccess.Execute);
        return (ulong)place;
    }
}
