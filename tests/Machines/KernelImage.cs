using System.Buffers.Binary;
using System.Diagnostics;

namespace Jitvmm.Tests.Machines;

/// <summary>Takes the ELF kernel out of a bzImage, as its setup header describes the payload (Documentation/arch/x86/boot.rst).</summary>
public static class KernelImage
{
    private const int SetupSectors = 0x1f1;
    private const int PayloadOffset = 0x248;
    private const int PayloadLength = 0x24c;

    /// <summary>Writes the kernel to a file.</summary>
    public static void ExtractElf(string image, string target)
    {
        byte[] file = File.ReadAllBytes(image);
        int sectors = file[SetupSectors] == 0 ? 4 : file[SetupSectors];
        int start = (sectors + 1) * 512 + (int)BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(PayloadOffset));

        // The payload's last four bytes are the size of what it unpacks to.
        int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(PayloadLength)) - 4;
        byte[] kernel = Unpack(file.AsSpan(start, length).ToArray());
        Assert.Equal(BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(start + length)), kernel.Length);
        File.WriteAllBytes(target, kernel);
    }

    private static byte[] Unpack(byte[] payload)
    {
        string tool = BinaryPrimitives.ReadUInt32BigEndian(payload) switch
        {
            0x02214c18 => "lz4",
            0xfd377a58 => "xz",
            0x28b52ffd => "zstd",
            >= 0x1f8b0000 and <= 0x1f8bffff => "gzip",
            uint magic => throw new InvalidDataException($"the kernel is compressed in an unknown way ({magic:x8})"),
        };
        using Process process = Process.Start(new ProcessStartInfo("/usr/bin/env", [tool, "-dc"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Task writing = Task.Run(() =>
        {
            process.StandardInput.BaseStream.Write(payload);
            process.StandardInput.Close();
        });
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        writing.Wait();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.ToArray();
    }
}
