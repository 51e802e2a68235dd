using System.Buffers.Binary;
using System.Text;

namespace Jitvmm.Tests.Inspector;

/// <summary>Hand-written machine code as an ELF program of one segment, readable, writable and executable, with symbols.</summary>
public static class TinyProgram
{
    /// <summary>Where the code starts.</summary>
    public const ulong Start = 0x401000;

    private const int CodeOffset = 0x1000;

    /// <summary>Counts ECX down from <paramref name="times"/> in a block of its own, at "hot_loop", then exits with 0.</summary>
    public static byte[] HotLoop(int times)
    {
        byte[] code =
        [
            0xb9, 0, 0, 0, 0, // mov ecx, times
            0xeb, 0x00, // jmp hot_loop
            0x48, 0xff, 0xc0, // hot_loop: inc rax
            0xff, 0xc9, // dec ecx
            0x75, 0xf9, // jnz hot_loop
            .. s_exit,
        ];
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(1), times);
        return Elf(code, ("_start", 0, 7), ("hot_loop", 7, 7), ("done", 14, s_exit.Length));
    }

    /// <summary>As <see cref="HotLoop"/>, and waits, before it exits, until standard input has something or ends.</summary>
    public static byte[] HotLoopThatWaits(int times)
    {
        byte[] code =
        [
            0xb9, 0, 0, 0, 0, // mov ecx, times
            0xeb, 0x00, // jmp hot_loop
            0x48, 0xff, 0xc0, // hot_loop: inc rax
            0xff, 0xc9, // dec ecx
            0x75, 0xf9, // jnz hot_loop
            .. s_wait,
            .. s_exit,
        ];
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(1), times);
        return Elf(code, ("_start", 0, 7), ("hot_loop", 7, 7), ("wait", 14, s_wait.Length));
    }

    /// <summary>Runs a loop of one block, at "spin", for ever.</summary>
    public static byte[] Endless()
    {
        byte[] code =
        [
            0xeb, 0x00, // jmp spin
            0x48, 0xff, 0xc0, // spin: inc rax
            0xeb, 0xfb, // jmp spin
        ];
        return Elf(code, ("_start", 0, 2), ("spin", 2, 5));
    }

    /// <summary>Runs that many blocks of one instruction each once, and waits as <see cref="HotLoopThatWaits"/> does.</summary>
    public static byte[] ManyBlocks(int count)
    {
        byte[] code = new byte[(2 * count) + s_wait.Length + s_exit.Length];
        for (int i = 0; i < count; i++)
        {
            code[2 * i] = 0xeb; // jmp to the next
        }

        s_wait.CopyTo(code, 2 * count);
        s_exit.CopyTo(code, (2 * count) + s_wait.Length);
        return Elf(code, ("_start", 0, 2 * count), ("wait", 2 * count, s_wait.Length));
    }

    /// <summary>The instruction at "writer" changes the constant in "target", which is called behind it, that many times.</summary>
    public static byte[] SelfModifying(int times)
    {
        byte[] code =
        [
            0xbb, 0, 0, 0, 0, // mov ebx, times
            0xeb, 0x00, // jmp writer
            0x89, 0x1d, 0, 0, 0, 0, // writer: mov [target + 1], ebx
            0xe8, 0, 0, 0, 0, // call target
            0xff, 0xcb, // dec ebx
            0x75, 0xf1, // jnz writer
            .. s_exit,
            .. new byte[64],
            0xb8, 0, 0, 0, 0, // target: mov eax, 0
            0xc3, // ret
        ];
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(1), times);
        int target = code.Length - 6;
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(9), target + 1 - 13);
        BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(14), target - 18);
        return Elf(code, ("_start", 0, 7), ("writer", 7, 15), ("target", target, 6));
    }

    /// <summary>A multiboot kernel of 32-bit code that makes KVM's hypercall 1 that many times, with VMCALL, and ends the machine with status 1.</summary>
    /// <returns>The image, and the address of the VMCALL.</returns>
    public static (byte[] Image, ulong Site) Hypercalls(byte times)
    {
        byte[] code =
        [
            0xb9, times, 0, 0, 0, // mov ecx, times
            0xb8, 1, 0, 0, 0, // again: mov eax, 1
            0x0f, 0x01, 0xc1, // vmcall
            0x49, // dec ecx
            0x75, 0xf5, // jnz again
            0x31, 0xc0, // xor eax, eax
            0xe6, 0xf4, // out F4h, al
            0xf4, // hlt
            0xeb, 0xfd, // jmp back
        ];
        return (Multiboot(code), KernelStart + 10);
    }

    /// <summary>A multiboot kernel that runs a loop of one block for ever, at <see cref="KernelStart"/>.</summary>
    public static byte[] EndlessKernel() => Multiboot([0x40, 0xeb, 0xfd]); // inc eax; jmp back

    /// <summary>Where a multiboot kernel's code starts.</summary>
    public const ulong KernelStart = 0x100000 + HeaderLength;

    private const int HeaderLength = 32;

    private static byte[] Multiboot(byte[] code)
    {
        const uint Load = 0x100000;
        const uint Magic = 0x1badb002;
        const uint HasAddresses = 1 << 16;
        byte[] image = new byte[HeaderLength + code.Length];
        uint[] header = [Magic, HasAddresses, unchecked(0 - Magic - HasAddresses), Load, Load, (uint)(Load + image.Length), (uint)(Load + image.Length), Load + HeaderLength];
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(4 * i), header[i]);
        }

        code.CopyTo(image, HeaderLength);
        return image;
    }

    private static readonly byte[] s_exit = [0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]; // mov eax, 60; xor edi, edi; syscall

    // sub rsp, 8; xor eax, eax; xor edi, edi; mov rsi, rsp; mov edx, 1; syscall: read(0, rsp, 1)
    private static readonly byte[] s_wait = [0x48, 0x83, 0xec, 0x08, 0x31, 0xc0, 0x31, 0xff, 0x48, 0x89, 0xe6, 0xba, 1, 0, 0, 0, 0x0f, 0x05];

    private static byte[] Elf(byte[] code, params (string Name, int Offset, int Size)[] symbols)
    {
        var names = new MemoryStream();
        names.WriteByte(0);
        byte[] table = new byte[24 * (symbols.Length + 1)];
        for (int i = 0; i < symbols.Length; i++)
        {
            Span<byte> symbol = table.AsSpan(24 * (i + 1), 24);
            BinaryPrimitives.WriteInt32LittleEndian(symbol, (int)names.Length);
            symbol[4] = 0x12;
            BinaryPrimitives.WriteUInt16LittleEndian(symbol[6..], 1);
            BinaryPrimitives.WriteUInt64LittleEndian(symbol[8..], Start + (ulong)symbols[i].Offset);
            BinaryPrimitives.WriteInt64LittleEndian(symbol[16..], symbols[i].Size);
            names.Write(Encoding.ASCII.GetBytes(symbols[i].Name));
            names.WriteByte(0);
        }

        int tableOffset = (CodeOffset + code.Length + 7) & ~7;
        int namesOffset = tableOffset + table.Length;
        int sectionsOffset = (namesOffset + (int)names.Length + 7) & ~7;
        byte[] file = new byte[sectionsOffset + (3 * 64)];
        WriteHeaders(file, code.Length, sectionsOffset);
        WriteSection(file.AsSpan(sectionsOffset + 64), 2, tableOffset, table.Length, 2, 24);
        WriteSection(file.AsSpan(sectionsOffset + 128), 3, namesOffset, (int)names.Length, 0, 0);
        code.CopyTo(file, CodeOffset);
        table.CopyTo(file, tableOffset);
        names.ToArray().CopyTo(file, namesOffset);
        return file;
    }

    private static void WriteHeaders(Span<byte> file, int codeLength, int sectionsOffset)
    {
        "\u007fELF"u8.CopyTo(file);
        file[4] = 2;
        file[5] = 1;
        file[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], 62);
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file[24..], Start);
        BinaryPrimitives.WriteUInt64LittleEndian(file[32..], 64);
        BinaryPrimitives.WriteUInt64LittleEndian(file[40..], (ulong)sectionsOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(file[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(file[56..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(file[58..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file[60..], 3);
        Span<byte> segment = file[64..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 7);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[8..], CodeOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], Start);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], Start);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)codeLength);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)codeLength);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 0x1000);
    }

    private static void WriteSection(Span<byte> section, uint type, int offset, int length, uint link, int entry)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(section[4..], type);
        BinaryPrimitives.WriteInt64LittleEndian(section[24..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(section[32..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(section[40..], link);
        BinaryPrimitives.WriteInt64LittleEndian(section[56..], entry);
    }
}
