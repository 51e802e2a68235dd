namespace Jitvmm;

/// <summary>The kernel in <c>Demo/</c>, which shows that a machine works.</summary>
internal static class DemoKernel
{
    public static byte[] Read()
    {
        using Stream stream = typeof(DemoKernel).Assembly.GetManifestResourceStream("demo.bin")
            ?? throw new InvalidOperationException("demo.bin is not in the assembly.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
